package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word, one of the characters ; ( ) , or, with an empty text, the end of the source.
type token struct {
	text string // lower case
	raw  string // as written
	pos  Position
}

func (t token) isEnd() bool { return t.text == "" }

// isWord reports whether t is neither punctuation nor the end.
func (t token) isWord() bool { return t.text != "" && !strings.Contains(punctuation, t.text) }

// String returns what an error message calls t.
func (t token) String() string {
	if t.isEnd() {
		return "the end of the source"
	}
	const most = 40
	if len(t.raw) > most {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(t.raw[:most], "?"))
	}
	return fmt.Sprintf("%q", t.raw)
}

const punctuation = ";(),"

// errorAt returns an error at a position.
func errorAt(pos Position, format string, args ...any) *Error {
	return &Error{Position: pos, Text: fmt.Sprintf(format, args...)}
}

// lex splits a source into tokens; the last one is the end.
func lex(src string) []token {
	src = strings.TrimPrefix(src, "\ufeff")
	l := lexer{src: src, pos: Position{1, 1}}
	for l.skip(); l.off < len(src); l.skip() {
		l.word()
	}
	return append(l.tokens, token{pos: l.pos})
}

type lexer struct {
	src    string
	off    int
	pos    Position // of off
	tokens []token
}

// next passes one character.
func (l *lexer) next(size int, newline bool) {
	l.off += size
	l.pos.Column++
	if newline {
		l.pos.Line++
		l.pos.Column = 1
	}
}

// skip passes white space and comments.
func (l *lexer) skip() {
	comment := false
	for l.off < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.off:])
		switch {
		case r == '\n':
			comment = false
		case r == '#':
			comment = true
		case !comment && !unicode.IsSpace(r):
			return
		}
		l.next(size, r == '\n')
	}
}

// word takes the token that begins here. A comma between two words without space is left to whoever expects a list: the
// parser joins such words again.
func (l *lexer) word() {
	start, pos := l.off, l.pos
	for l.off < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.off:])
		if unicode.IsSpace(r) || r == '#' {
			break
		}
		if strings.ContainsRune(punctuation, r) {
			if l.off == start {
				l.next(size, false)
			}
			break
		}
		l.next(size, false)
	}
	raw := l.src[start:l.off]
	l.tokens = append(l.tokens, token{text: strings.ToLower(raw), raw: raw, pos: pos})
}
