// What a click adds to a selection.

// words are the parts of a selection between blanks that stand neither in brackets nor in quotes.
function words(q) {
  const list = [];
  let depth = 0, quoted = false, word = "";
  for (const c of q) {
    if (c === '"') quoted = !quoted;
    else if (!quoted && c === "(") depth++;
    else if (!quoted && c === ")") depth--;
    if (/\s/.test(c) && !quoted && depth <= 0) {
      if (word) list.push(word);
      word = "";
    } else word += c;
  }
  return word ? [...list, word] : list;
}

const either = (w) => w !== undefined && (/^or$/i.test(w) || w.includes("||"));
const joint = (w) => w !== undefined && /^(and|&&|not|!)$/i.test(w);

// chosen is a selection with a term more, in place of those that begin like one of the starts: what the click before chose. What
// follows a not is no such term, and alternatives go into brackets, because what is added means: of all these.
export function chosen(q, starts, term) {
  const list = words(q);
  const rest = list.some(either) ? [`(${q.trim()})`]
    : list.filter((w, i) => joint(list[i - 1]) || joint(list[i + 1]) || !starts.some((s) => w.startsWith(s) && w.length > s.length));
  return [...rest, term].filter(Boolean).join(" ");
}
