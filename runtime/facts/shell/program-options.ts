/**
 * Options that are known, in the short form of `options.ts`. One belongs here only if it makes the program run nothing else, and
 * reads and writes no path but the operands and its own value. What is not here makes the command one that may do more.
 */
const SUMS =
  "-bctwz -a= -l= --binary --check --tag --text --zero --ignore-missing --quiet --status --strict --warn --algorithm= --length=";
const GREP =
  "-abcEFGHhiILlnoPqRrsTUvVwxyzZ0123456789 -A= -B= -C= -D= -d= -e= -f< -m= --after-context= --before-context= --context= " +
  "--basic-regexp --extended-regexp --fixed-strings --perl-regexp --regexp= --file< --ignore-case --no-ignore-case " +
  "--invert-match --word-regexp --line-regexp --count --color? --colour? --files-without-match --files-with-matches " +
  "--max-count= --only-matching --quiet --silent --no-messages --byte-offset --with-filename --no-filename --label= " +
  "--line-number --initial-tab --null --text --binary-files= --devices= --directories= --exclude= --exclude-from< " +
  "--exclude-dir= --include= --recursive --dereference-recursive --line-buffered --binary --null-data " +
  "--group-separator= --no-group-separator";
const COPY =
  "-abfinTuvZ -S= -t> --backup? --force --interactive --no-clobber --strip-trailing-slashes --suffix= " +
  "--target-directory> --no-target-directory --update? --verbose --context?";
const OWNERS =
  "-cfhvRHLP --changes --silent --quiet --verbose --dereference --no-dereference --from= --preserve-root " +
  "--no-preserve-root --reference< --recursive";
const PACK =
  "-cdfklqtv123456789 --stdout --to-stdout --decompress --uncompress --force --keep --list --quiet --test --verbose --fast " +
  "--best";
const AWK = "-F= -v= --field-separator= --assign= --posix --traditional --re-interval --sandbox";

export const PROGRAM_OPTIONS: Readonly<Record<string, string>> = {
  // ---- that say something
  date: "-uR -I? -d= -s= -f< -r< --date= --set= --file< --reference< --iso-8601? --rfc-3339= --rfc-email --utc --universal",
  hostname: "-aAdfiIsy -F< --file< --all-fqdns --alias --domain --fqdn --long --ip-address --all-ip-addresses --short",
  last: "-adFiRwx0123456789 -f< -n= -s= -t= -p= --file< --limit= --since= --until= --present= --fullnames --hostlast --dns --ip",
  dmesg:
    "-CcDdEeHkPprSTtuwWx -L? -F< -f= -l= -n= -s= --clear --file< --follow --human --nopager --ctime --level= --facility= " +
    "--color? --time-format= --kernel --userspace --decode --raw --since= --until= --notime --reltime",
  ss:
    "-HOnraloemEpTsibB460ZztuwxdSM -f= -A= --no-header --numeric --resolve --all --listening --options --extended --memory " +
    "--processes --threads --summary --info --ipv4 --ipv6 --tcp --udp --raw --unix --family= --query=",
  journalctl:
    "-aefklmqrx0123456789 -b? -n? -u= -t= -p= -o= -S= -U= -g= -c= -F= -D< -i< --unit= --user-unit= --since= --until= --lines? " +
    "--follow --no-pager --no-tail --reverse --priority= --output= --output-fields= --grep= --case-sensitive? --catalog " +
    "--boot? --list-boots --dmesg --identifier= --quiet --all --full --no-full --pager-end --utc --no-hostname " +
    "--disk-usage --directory< --file< --merge --system --user --field= --fields --header --cursor= --after-cursor= --show-cursor",
  systemctl:
    "-alqfr -t= -p= -P= -n= -o= -s= --type= --state= --property= --all --full --no-pager --no-legend --quiet --user --system " +
    "--now --failed --plain --value --no-block --wait --lines= --output= --reverse --after --before --force --runtime " +
    "--no-ask-password --signal= --recursive --no-reload",
  service: "--status-all",
  // ---- that read
  cat: "-AbeEnstTuv --show-all --number --number-nonblank --squeeze-blank --show-ends --show-tabs --show-nonprinting",
  wc: "-cmlLw --bytes --chars --lines --words --max-line-length --files0-from< --total=",
  ls:
    "-aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1 -I= -T= -w= --all --almost-all --author --escape --block-size= --ignore-backups " +
    "--color? --directory --dired --classify? --file-type --format= --full-time --group-directories-first --no-group " +
    "--human-readable --si --dereference-command-line --dereference-command-line-symlink-to-dir --hide= --hyperlink? " +
    "--indicator-style= --inode --ignore= --kibibytes --dereference --numeric-uid-gid --literal --hide-control-chars " +
    "--show-control-chars --quote-name --quoting-style= --reverse --recursive --size --sort= --time= --time-style= " +
    "--tabsize= --width= --context --zero",
  stat: "-Lft -c= --format= --printf= --terse --dereference --file-system --cached=",
  file:
    "-bchiklLNnprsSvzZ0 -e= -F= -f< -m< -P= --mime --mime-type --mime-encoding --brief --dereference --no-dereference " +
    "--keep-going --files-from< --magic-file< --separator= --exclude= --uncompress --raw --special-files --print0",
  ...Object.fromEntries(
    ["md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "cksum", "b2sum"].map((n) => [n, SUMS]),
  ),
  diff:
    "-abBcdeEiHlnNpqrstTuwyZ0123456789 -C= -D= -F= -I= -S= -U= -W= -x= -X< --brief --unified? --context? --recursive --new-file " +
    "--ignore-case --ignore-all-space --ignore-space-change --ignore-blank-lines --text --side-by-side --width= --color? " +
    "--exclude= --exclude-from< --label= --report-identical-files --suppress-common-lines --strip-trailing-cr --minimal " +
    "--speed-large-files --no-dereference --to-file< --from-file< --left-column --expand-tabs",
  cmp: "-bls -i= -n= --print-bytes --verbose --silent --quiet --bytes= --ignore-initial=",
  comm: "-123z --check-order --nocheck-order --output-delimiter= --total --zero-terminated",
  cut:
    "-nsz -b= -c= -d= -f= --bytes= --characters= --delimiter= --fields= --complement --only-delimited --output-delimiter= " +
    "--zero-terminated",
  od:
    "-abcdfhilosvx -A= -j= -N= -S= -t= -w? --address-radix= --format= --read-bytes= --skip-bytes= --width? " +
    "--output-duplicates --endian= --traditional",
  hexdump: "-bcCdovx -e= -f< -n= -s= --canonical --length= --skip= --no-squeezing",
  strings: "-afdw0123456789 -n= -t= -e= -s= --all --bytes= --radix= --encoding= --print-file-name",
  nl:
    "-p -b= -d= -f= -h= -i= -l= -n= -s= -v= -w= --body-numbering= --section-delimiter= --footer-numbering= --header-numbering= " +
    "--line-increment= --join-blank-lines= --number-format= --no-renumber --number-separator= --starting-line-number= --number-width=",
  tac: "-br -s= --before --regex --separator=",
  du:
    "-0abcDhHklLmPsSx -B= -d= -t= -X< --all --apparent-size --block-size= --bytes --total --dereference --max-depth= " +
    "--files0-from< --human-readable --si --summarize --threshold= --time? --time-style= --exclude-from< --exclude= " +
    "--one-file-system --separate-dirs --null --inodes",
  df:
    "-ahHiklPTv -B= -t= -x= --all --block-size= --human-readable --si --inodes --local --output? --portability --sync --no-sync " +
    "--total --type= --print-type --exclude-type=",
  readlink:
    "-femnqsvz --canonicalize --canonicalize-existing --canonicalize-missing --no-newline --quiet --silent --verbose --zero",
  realpath:
    "-emLPqsz --canonicalize-existing --canonicalize-missing --logical --physical --quiet --relative-to= --relative-base= " +
    "--strip --no-symlinks --zero",
  basename: "-az -s= --multiple --suffix= --zero",
  dirname: "-z --zero",
  zcat: "-cdfkqv",
  column:
    "-teLnxJ -c= -o= -s= -H= -l= -N= -O= -R= --table --separator= --output-separator= --output-width= --json --table-columns= " +
    "--table-right= --table-hide= --table-name= --fillrows --keep-empty-lines",
  paste: "-sz -d= --serial --delimiters= --zero-terminated",
  join: "-iz -a= -e= -1= -2= -j= -o= -t= -v= --check-order --nocheck-order --header --ignore-case --zero-terminated",
  fold: "-bs0123456789 -w= --bytes --spaces --width=",
  fmt: "-cstu0123456789 -p= -w= -g= --crown-margin --prefix= --split-only --tagged-paragraph --uniform-spacing --width= --goal=",
  namei: "-lmovx --long --modes --owners --vertical --mountpoints --nosymlinks",
  getfacl:
    "-acdeEsRLPtpn --access --omit-header --default --recursive --logical --physical --tabular --absolute-names --numeric",
  lsblk:
    "-abdDfiJlmMnOpPrsStTz -e= -I= -o= -w= -x= --output= --json --all --fs --list --noheadings --paths --bytes --nodeps " +
    "--topology --perms --raw --pairs --sort=",
  mountpoint: "-dqx --quiet --fs-devno --devno --nofollow",
  "git-upload-pack": "--strict --no-strict --timeout=",
  head: "-qvz0123456789 -c= -n= --bytes= --lines= --quiet --silent --verbose --zero-terminated",
  tail:
    "-fFqvz0123456789 -c= -n= -s= --bytes= --lines= --follow? --retry --pid= --max-unchanged-stats= --sleep-interval= --quiet " +
    "--silent --verbose --zero-terminated",
  grep: GREP,
  egrep: GREP,
  fgrep: GREP,
  zgrep: GREP,
  jq:
    "-nrRsjaSCeMc -f< --raw-output --raw-input --null-input --compact-output --slurp --exit-status --sort-keys --color-output " +
    "--monochrome-output --join-output --ascii-output --from-file< --indent= --tab --stream --seq --unbuffered",
  tree:
    "-adfiFlpsughDqNQrtUcCnASvxXJ -o> -P= -I= -L= -H= -T= --filelimit= --charset= --dirsfirst --noreport --prune --du --si " +
    "--inodes --device --timefmt= --gitignore --matchdirs --ignore-case",
  lsof: "-abClnNoOPRtUVwX -c= -d= -g? -i? -p= -s? -u= -F? -r? -T?",
  xxd: "-abdeEipruC -c= -g= -l= -n= -o= -s=",
  uniq:
    "-cdDiuz0123456789 -f= -s= -w= --count --repeated --all-repeated? --skip-fields= --ignore-case --skip-chars= --unique " +
    "--zero-terminated --check-chars= --group?",
  sort:
    "-bdfghiMnrRVcCmsuz -k= -t= -S= -T> -o> --key= --field-separator= --buffer-size= --temporary-directory> --output> " +
    "--parallel= --batch-size= --check? --debug --files0-from< --random-source< --sort= --ignore-leading-blanks " +
    "--dictionary-order --ignore-case --general-numeric-sort --ignore-nonprinting --month-sort --human-numeric-sort " +
    "--numeric-sort --random-sort --reverse --version-sort --merge --stable --unique --zero-terminated",
  // ---- that write
  rm: "-dfiIrRv --force --interactive? --one-file-system --no-preserve-root --preserve-root? --recursive --dir --verbose",
  rmdir: "-pv --parents --verbose --ignore-fail-on-non-empty",
  mkfifo: "-Z -m= --mode= --context?",
  tee: "-aip --append --ignore-interrupts --output-error?",
  gzip: `${PACK} -n --no-name --rsyncable --synchronous`,
  gunzip: `${PACK} -n --no-name`,
  bzip2:
    "-cdfkqstvz123456789 --stdout --decompress --compress --force --keep --quiet --small --test --verbose --fast --best",
  xz: `${PACK} -ze0 -T= -M= --compress --extreme --threads= --memlimit= --no-sparse`,
  shred: "-fuvxz -n= -s= --force --iterations= --size= --verbose --exact --zero --remove? --random-source<",
  truncate: "-co -s= -r< --no-create --io-blocks --reference< --size=",
  touch: "-acfhm -d= -r< -t= --date= --no-create --reference< --time= --no-dereference",
  mkdir: "-pvZ -m= --mode= --parents --verbose --context?",
  mknod: "-Z -m= --mode= --context?",
  chmod: "-cfvR --changes --quiet --silent --verbose --recursive --reference< --preserve-root --no-preserve-root",
  chown: OWNERS,
  chgrp: OWNERS,
  chattr: "-RVf -p= -v=",
  setfacl:
    "-bkndRLP -m= -x= -M< -X< --modify= --remove= --set= --remove-all --remove-default --recursive --default --mask",
  cp:
    `${COPY} -dHlLPpRrsx --archive --attributes-only --copy-contents --link --dereference --no-dereference --preserve? ` +
    "--no-preserve= --parents --recursive --reflink? --remove-destination --sparse= --symbolic-link --one-file-system",
  mv: COPY,
  ln:
    "-bdfFiLnPrsTv -S= -t> --backup? --directory --force --interactive --logical --no-dereference --physical --relative " +
    "--symbolic --suffix= --target-directory> --no-target-directory --verbose",
  install:
    "-bcCdDpTvZ -g= -m= -o= -S= -t> --backup? --compare --directory --group= --mode= --owner= --preserve-timestamps --suffix= " +
    "--target-directory> --no-target-directory --verbose --preserve-context --context?",
  // ---- that can run others
  sed:
    "-nrEszub -e= -i? -l= --expression= --quiet --silent --regexp-extended --separate --null-data --unbuffered --line-length= " +
    "--in-place? --posix --debug --follow-symlinks --sandbox",
  awk: AWK,
  gawk: AWK,
  mawk: AWK,
  scp: "-12346BCpqrTvdft -c= -i< -l= -P=",
  rsync:
    "-vqcarRuldHpEAXogtDOJSnWxNUkKLCzhPi8460mIy -B= -T> -e? --server --sender --archive --verbose --quiet --checksum --recursive --relative " +
    "--no-relative --update --inplace --append --append-verify --dirs --links --copy-links --copy-unsafe-links --safe-links " +
    "--copy-dirlinks --keep-dirlinks --hard-links --perms --executability --chmod= --acls --xattrs --owner --group --devices " +
    "--specials --times --omit-dir-times --sparse --preallocate --dry-run --whole-file --one-file-system --block-size= " +
    "--existing --ignore-existing --remove-source-files --del --delete --delete-before --delete-during --delete-delay " +
    "--delete-after --delete-excluded --ignore-errors --force --max-delete= --max-size= --min-size= --partial --delay-updates " +
    "--prune-empty-dirs --numeric-ids --timeout= --contimeout= --ignore-times --size-only --modify-window= --temp-dir> " +
    "--fuzzy --compare-dest< --copy-dest< --link-dest< --compress --compress-level= --exclude= --exclude-from< --include= " +
    "--include-from< --from0 --stats --human-readable --progress --itemize-changes --info= --log-format= --out-format= --list-only --bwlimit= --no-owner --no-group " +
    "--no-perms --no-times --log-file> --partial-dir> --usermap= --groupmap= --chown=",
  tar:
    "-AcdrtuxGnSkWOmpsaijJzZvwBRhlPo -f= -b= -C= -X< -H= -K= -L= -N= -V= --create --extract --get --list --append --update " +
    "--delete --diff --compare --catenate --concatenate --file= --gzip --gunzip --ungzip --bzip2 --xz --zstd --lzma --lzip " +
    "--lzop --compress --auto-compress --no-auto-compress --verbose --directory= --exclude= --exclude-from< " +
    "--strip-components= --same-owner --no-same-owner --preserve-permissions --same-permissions --no-same-permissions " +
    "--numeric-owner --owner= --group= --mode= --mtime= --touch --keep-old-files --skip-old-files --overwrite " +
    "--to-stdout --absolute-names --dereference --one-file-system --wildcards --no-wildcards --anchored --totals? " +
    "--sort= --format= --label= --transform= --xform= --ignore-failed-read --warning= --no-recursion --sparse --acls --xattrs " +
    "--selinux --exclude-vcs --hard-dereference --full-time --force-local --checkpoint?",
};
