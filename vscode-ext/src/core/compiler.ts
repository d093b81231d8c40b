// What the Go compiler says, as places in files.

/** One message of the compiler. Line and column count from 1; the column is 0 where the compiler names none. */
export interface CompilerMessage {
  file: string; // as the compiler names it: relative to where it was started
  line: number;
  column: number;
  text: string;
}

/** Reads a compiler's output. Indented lines belong to the message above; what names no place is left out. */
export function parseCompiler(output: string): CompilerMessage[] {
  const messages: CompilerMessage[] = [];
  const seen = new Set<string>();
  let last: CompilerMessage | undefined;
  for (const line of output.split(/\r?\n/)) {
    if (/^\s+\S/.test(line) && last) {
      last.text += `\n${line.trim()}`;
      continue;
    }
    last = parseLine(line);
    // The same package is compiled for several programs, and says the same each time.
    const key = last && `${last.file}:${last.line}:${last.column}:${last.text}`;
    if (last && key && !seen.has(key)) {
      seen.add(key);
      messages.push(last);
    }
  }
  return messages;
}

const place = /^(?:vet: |go: errors parsing )?((?:[A-Za-z]:)?[^:\s][^:]*\.(?:go|s|S|c|h|mod)):(\d+)(?::(\d+))?: (.+)$/;

function parseLine(line: string): CompilerMessage | undefined {
  const m = place.exec(line);
  if (!m) {
    return undefined;
  }
  return { file: m[1]!, line: Number(m[2]), column: Number(m[3] ?? 0), text: m[4]! };
}
