/** The oldest Node with all that the commands are made of: SQLite came last. */
const OLDEST = [22, 13];

/**
 * The text of a command's first file, for the Node that the machine has: an old one is told in words what it lacks, and does
 * not come to the program's own files, of which it would say no more than which part of Node is missing.
 */
export const launcher = (name) => `#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (major > ${OLDEST[0]} || (major === ${OLDEST[0]} && minor >= ${OLDEST[1]})) await import("./${name}.main.js");
else {
  process.stderr.write(\`${name}: this is Node \${process.versions.node}; Node ${OLDEST.join(".")} or newer is needed, from https://nodejs.org\\n\`);
  process.exitCode = 2;
}
`;
