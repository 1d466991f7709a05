// Numbers and times as people read them.

export const count = (n) => n.toLocaleString("en");
export const counted = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

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
  const parts = (unit, large, small) => { const n = Math.round(s / unit); return `${Math.floor(n / large[0])} ${large[1]} ${n % large[0]} ${small}`; };
  if (s < 6000) return parts(1, [60, "m"], "s");
  if (s < 172800) return parts(60, [60, "h"], "m");
  return parts(3600, [24, "d"], "h");
}

// since is how many seconds lie between two RFC 3339 times with nanoseconds, to the microsecond.
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
