// What the server is asked.

export class Refused extends Error {
  constructor(code, error) {
    super(error.what ?? `the server answers ${code}`);
    this.code = code;
    this.next = error.next ?? "";
    this.caret = error.caret ?? "";
  }
}

export async function ask(path, values, options = {}) {
  const url = new URL(`api/v1/${path}`, document.baseURI);
  url.hash = "";
  for (const [name, value] of Object.entries(values ?? {})) {
    if (value !== "" && value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  const answer = await fetch(url, { credentials: "same-origin", ...options });
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body.error ?? {});
  return body;
}

export const login = (token) => ask("login", {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
export const logout = () => ask("logout", {}, { method: "POST" });

// listen hears of what happens; the browser resumes where it was when the line breaks.
export function listen(heard) {
  const stream = new EventSource(new URL("api/v1/events?events=finding", document.baseURI.split("#")[0]));
  for (const kind of ["status", "finding", "lost"]) {
    stream.addEventListener(kind, (e) => heard[kind]?.(JSON.parse(e.data)));
  }
  stream.addEventListener("open", () => heard.open?.());
  stream.addEventListener("error", () => heard.broken?.(stream.readyState === EventSource.CLOSED));
  return stream;
}
