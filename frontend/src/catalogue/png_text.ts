/** Texts inside PNG files: chunks `iTXt`, see https://www.w3.org/TR/png-3/#11iTXt. */

const SIGNATURE = 8;

/** The text of a keyword, which browsers do not give to pages. */
export async function pngText(file: ArrayBuffer, keyword: string): Promise<string> {
  const view = new DataView(file);
  const latin = new TextDecoder("latin1");
  for (let at = SIGNATURE; at + 8 <= file.byteLength;) {
    const length = view.getUint32(at);
    const type = latin.decode(new Uint8Array(file, at + 4, 4));
    const data = new Uint8Array(file, at + 8, length);
    if (type === "iTXt" && latin.decode(data.subarray(0, data.indexOf(0))) === keyword) {
      return read(data.subarray(keyword.length + 1));
    }
    at += length + 12;
  }
  throw new Error(`the picture has no text “${keyword}”`);
}

/** What follows the keyword: whether it is compressed, how, language, translated keyword, text. */
async function read(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const language = data.indexOf(0, 2);
  const text = data.subarray(data.indexOf(0, language + 1) + 1);
  if (data[0] === 0) return new TextDecoder().decode(text);
  const inflated = new Blob([text]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(inflated).text();
}
