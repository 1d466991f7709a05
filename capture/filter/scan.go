package filter

import "strings"

// token is a word or sign of an expression.
type token struct {
	text string
	at   int // octets from the start
}

// maxText bounds an expression: a jump of a program spans what fits this, and nobody writes more by hand.
const maxText = 8 << 10

// signs are longest first.
var signs = []string{"&&", "||", "<=", ">=", "==", "!=", "(", ")", "[", "]", "!", "&", "|", "=", "<", ">", "/", ":"}

// scan cuts an expression into tokens, the last of which is empty and at the end.
func scan(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, &Error{Text: text[:60] + "...", What: "the expression is longer than 8 KiB"}
	}
	var tokens []token
	inside := false // brackets: a colon does not belong to a word, as it does in an IPv6 address
	for at := 0; at < len(text); {
		rest := text[at:]
		n := 0
		for n < len(rest) && (isWord(rest[n]) || rest[n] == ':' && !inside) {
			n++
		}
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			at++
			continue
		case n == 0:
			for _, s := range signs {
				if strings.HasPrefix(rest, s) {
					n = len(s)
					break
				}
			}
			if n == 0 {
				n = strings.IndexFunc(rest[1:]+" ", func(r rune) bool { return r == ' ' || r < 0x80 }) + 1
				return nil, &Error{Text: text, At: at, Len: n, What: quote(rest[:n]) + " is no sign of the filters that this build knows", Outside: true}
			}
			inside = rest[0] == '[' || inside && rest[0] != ']'
		}
		tokens = append(tokens, token{rest[:n], at})
		at += n
	}
	return append(tokens, token{"", len(text)}), nil
}

// isWord says that an octet can stand in a word. A minus is part of names (tcp-syn) and of ranges of ports.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '_' || c == '-'
}

func quote(s string) string { return `"` + s + `"` }
