// Numbers and times as people read them.

export const count = (n) => n.toLocaleString("en");

export function octets(n) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (n < 1000) return unit === "B" ? `${n} B` : `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return `${n.toFixed(1)} TB`;
}

export function span(s) {
  if (!(s >= 0)) return "";
  if (s < 5e-7) return "0 s";
  if (s < 1e-3) return `${Math.round(s * 1e6)} us`;
  if (s < 1) return `${Math.round(s * 1e3)} ms`;
  if (s < 100) return `${s.toFixed(1)} s`;
  if (s < 6000) return `${Math.floor(s / 60)} m ${Math.round(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d ${Math.round((s % 86400) / 3600)} h`;
}

// seconds reads an RFC 3339 time with nanoseconds as seconds since 1970: enough digits for microseconds.
export function seconds(text) {
  const [whole, rest = "Z"] = text.split(".");
  return Date.parse(`${whole.replace(/Z$/, "")}Z`) / 1000 + Number(`0.${rest.replace(/Z$/, "") || 0}`);
}

// since is how many seconds lie between two such times, to the microsecond.
export function since(from, to) {
  const parts = (text) => [Date.parse(`${text.slice(0, 19)}Z`) / 1000, Number(`0.${text.slice(20).replace("Z", "") || 0}`)];
  const [a, x] = parts(from), [b, y] = parts(to);
  return b - a + (y - x);
}

export const address = (e) => (e.ip.includes(":") ? `[${e.ip}]:${e.port}` : `${e.ip}:${e.port}`);

// state marks with ? what is presumed or one of several, as the terminal does.
export function state(e) {
  return e.state + (e.basis === "presumed" || e.possible.length > 1 ? "?" : "");
}

export const glyphs = { critical: "✗", warning: "!", notice: "·", info: "i" };
export const severityClass = (s) => (s === "notice" ? "sev-notice" : s);
