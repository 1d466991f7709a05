package query

import "strings"

// Complete returns what the text, a selection up to the cursor, may go on to: the text with its last word completed, in
// the order of the manual.
func Complete(text string) (list []string) {
	from := strings.LastIndexAny(text, " \t\n(,") + 1
	colon := strings.LastIndexByte(text, ':')
	start := strings.LastIndexAny(text[:max(colon, 0)], " \t\n(!") + 1
	if colon > 0 && !strings.ContainsAny(strings.TrimLeft(text[colon+1:], "("), " \t\n()") {
		f, _ := find(text[start:colon])
		if f == nil || f.Kind != Word {
			return nil
		}
		from = max(from, colon+1)
		word := plain(text[from:])
		for _, w := range f.Words {
			if strings.HasPrefix(w, word) {
				list = append(list, text[:from]+w)
			}
		}
		return list
	}
	word := strings.ToLower(text[from:])
	for i := range Fields {
		f := &Fields[i]
		forms := []string{f.Name}
		if f.Sided && strings.Contains(word, ".") {
			forms = append(forms, "client."+f.Name, "server."+f.Name)
		}
		for _, name := range forms {
			if strings.HasPrefix(name, word) {
				list = append(list, text[:from]+name+":")
			}
		}
	}
	if strings.TrimSpace(text[:from]) == "" || from > 0 && text[from-1] == ',' {
		return list
	}
	for _, w := range []string{"and", "or", "not"} {
		if word != "" && strings.HasPrefix(w, word) {
			list = append(list, text[:from]+w)
		}
	}
	return list
}
