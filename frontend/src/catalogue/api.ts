/** Requests to the API, and what went wrong in words. */

/** Where the API is: beside this page. */
export const API = new URL("api/", document.baseURI).href;

/** A request failed. `status` is 0 when nobody answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  /** Whether waiting may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(path, API), init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "The catalogue does not answer.");
  }
  if (!response.ok) throw new ApiError(response.status, await explain(response));
  return response;
}

export async function getJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

export function postJson<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return getJson<T>(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function explain(response: Response): Promise<string> {
  if (response.status === 404) return "The catalogue has nothing of that name.";
  if (response.status >= 500) return "The catalogue has a problem at the moment.";
  try {
    const { description, detail } = (await response.json()) as Record<string, string | undefined>;
    return `The catalogue refused: ${description ?? detail ?? response.statusText}`;
  } catch {
    return `The catalogue refused (${response.status}).`;
  }
}
