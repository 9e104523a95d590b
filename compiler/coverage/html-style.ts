/** The coverage page's style. Kinds differ by line as well as by colour, so that they can be told without it. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--text:#1b1f24;--soft:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--link:#0757ba;--good:#116329;--good-bg:#dafbe1;--half:#7d4e00;--half-bg:#fff8c5;--bad:#a40e26;--bad-bg:#ffebe9}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--text:#e6edf3;--soft:#9198a1;--line:#3d444d;--panel:#151b23;--link:#79b8ff;--good:#56d364;--good-bg:#12261e;--half:#e3b341;--half-bg:#2d2409;--bad:#ff7b72;--bad-bg:#3a1518}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
header p{margin:.25rem 0 1.5rem;color:var(--soft)}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:1rem;padding:.5rem;background:var(--bg)}
.meters{display:flex;flex-wrap:wrap;gap:1rem}
.meter{flex:1 1 16rem;padding:1rem;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.meter p{margin:0}
.meter .label,.meter .of{color:var(--soft)}
.meter .value{font-size:1.8rem;font-weight:600}
.bar{height:8px;margin:.5rem 0;border:1px solid var(--line);border-radius:4px;overflow:hidden;background:var(--bg)}
.bar span{display:block;height:100%;background:var(--good)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse}
th,td{padding:.3rem .75rem .3rem 0;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid var(--line);color:var(--soft);font-weight:600}
tbody tr{border-bottom:1px solid var(--line)}
.number,.count,.line{text-align:right;font-variant-numeric:tabular-nums}
.state{padding:0 .4rem;border-radius:4px;white-space:nowrap}
.state.decided{background:var(--good-bg);color:var(--good)}
.state.matched{background:var(--half-bg);color:var(--half)}
.state.never{background:var(--bad-bg);color:var(--bad);font-weight:600}
code,.source{font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,monospace}
.source td{padding:0 .75rem 0 0}
.source tr{border:0}
.source code{white-space:pre}
.source .line{width:3.5rem;color:var(--soft);user-select:none}
.source .count{width:3rem}
.source tr:target{background:var(--half-bg)}
.full{background:var(--good-bg);color:var(--good)}
.part{background:var(--half-bg);color:var(--half);text-decoration:underline dashed}
.none{background:var(--bad-bg);color:var(--bad);text-decoration:underline wavy}
.legend span{padding:0 .3rem;margin-right:.75rem}
details{margin:.75rem 0;border:1px solid var(--line);border-radius:8px;overflow:hidden}
summary{padding:.5rem .75rem;background:var(--panel);cursor:pointer;font-weight:600}
@media print{.skip{display:none}}
`;
