// Text that goes into a command to copy.

/** A text as one word of a shell's line: what the shell would read is quoted. */
export function word(text) {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
