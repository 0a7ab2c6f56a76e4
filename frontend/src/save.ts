/** Files that somebody takes away. */

/** Let the browser save a file under a name. */
export function save(name: string, content: string | ArrayBuffer, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
