package rules

import (
	"slices"
	"strings"
)

// source is a parsed source, before macros are expanded and names resolved.
type source struct {
	statements []statement
	caps       []capBlock
	tags       []tagBlock
	macros     map[string]*macro
}

// statement is a rule or an include.
type statement struct {
	word    token // the action, or "include"
	action  *keyword
	args    [][]token // of the action; single values of the include
	matches []condition
	macro   token // of an include
}

// condition is a match of a rule.
type condition struct {
	word    token
	match   *keyword
	not, or bool
	args    [][]token
}

// macro is a list of statements with parameters.
type macro struct {
	name       token
	parameters []string
	statements []statement
	open       bool // it is being expanded
}

// capBlock is a capability.
type capBlock struct {
	name       token
	id         token
	byDefault  bool
	statements []statement
}

// tagBlock is a tag.
type tagBlock struct {
	name, id, def token
	enums, flags  []pair
}

// pair is a value and its name.
type pair struct{ value, name token }

// parser reads tokens. Its methods panic with an *Error, which parse turns into a result.
type parser struct {
	tokens []token // the last one is the end
	out    source
}

// parse parses a source.
func parse(src string) (out *source, err *Error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	p := parser{tokens: lex(src)}
	p.out.macros = make(map[string]*macro)
	for !p.peek().isEnd() {
		p.block()
	}
	return &p.out, nil
}

func (p *parser) fail(t token, format string, args ...any) { panic(errorAt(t.pos, format, args...)) }

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if !t.isEnd() {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the next token if it is text.
func (p *parser) accept(text string) bool {
	if p.peek().text != text {
		return false
	}
	p.take()
	return true
}

// block parses what stands outside of blocks.
func (p *parser) block() {
	t := p.peek()
	switch t.text {
	case "tag":
		p.tag()
	case "cap":
		p.capability()
	case "macro":
		p.macro()
	case ";":
		p.fail(t, "unexpected \";\": no block is open here")
	default:
		s := p.statement(nil)
		if s.action == nil {
			p.accept(";")
		}
		p.out.statements = append(p.out.statements, s)
	}
}

// name parses the name of a block and what it names.
func (p *parser) name(what string) token {
	t := p.take()
	switch {
	case !t.isWord():
		p.fail(t, "expected the name of the %s, found %v", what, t)
	case isReserved(t.text):
		p.fail(t, "%v cannot be the name of a %s: it is a word of the language", t, what)
	case !isName(t.text):
		p.fail(t, "%v cannot be the name of a %s: expected letters, digits and underscores, not beginning with a digit", t, what)
	}
	return t
}

// word parses an argument of a directive.
func (p *parser) word(after token, what string) token {
	t := p.take()
	if !t.isWord() {
		p.fail(t, "expected %s after %v, found %v", what, after, t)
	}
	return t
}

func (p *parser) tag() {
	t := tagBlock{}
	p.take()
	t.name = p.name("tag")
	for {
		w := p.take()
		switch w.text {
		case ";":
			if t.id.isEnd() {
				p.fail(w, "tag %s has no id: expected id and a number", t.name.raw)
			}
			p.out.tags = append(p.out.tags, t)
			return
		case "id":
			p.once(w, t.id)
			t.id = p.word(w, "a number")
		case "default":
			p.once(w, t.def)
			t.def = p.word(w, "a number or a name")
		case "enum":
			v := p.word(w, "a number")
			t.enums = append(t.enums, pair{v, p.name("enum")})
		case "flag":
			v := p.word(w, "the number of a bit")
			t.flags = append(t.flags, pair{v, p.name("flag")})
		default:
			p.fail(w, "expected id, default, enum, flag, or ; at the end of tag %s, found %v%s", t.name.raw, w, suggest(w.text, "id", "default", "enum", "flag"))
		}
	}
}

// once fails if something was given before.
func (p *parser) once(w, before token) {
	if !before.isEnd() {
		p.fail(w, "second %s: the first one is in line %d", w.text, before.pos.Line)
	}
}

func (p *parser) capability() {
	c := capBlock{}
	p.take()
	c.name = p.name("cap")
	for {
		w := p.peek()
		switch w.text {
		case ";":
			p.take()
			if c.id.isEnd() {
				p.fail(w, "cap %s has no id: expected id and a number", c.name.raw)
			}
			p.out.caps = append(p.out.caps, c)
			return
		case "id":
			p.take()
			p.once(w, c.id)
			c.id = p.word(w, "a number")
		case "default":
			p.take()
			c.byDefault = true
		default:
			p.inBlock(w, "cap", c.name)
			c.statements = append(c.statements, p.statement(nil))
		}
	}
}

// inBlock fails if w cannot stand in a block of rules.
func (p *parser) inBlock(w token, what string, name token) {
	switch {
	case w.isEnd():
		p.fail(w, "%s %s, which begins in line %d, is not closed: expected ;", what, name.raw, name.pos.Line)
	case w.text == "tag", w.text == "cap", w.text == "macro":
		p.fail(w, "%v cannot stand in %s %s, which is still open: expected an action, include or ;", w, what, name.raw)
	}
}

func (p *parser) macro() {
	p.take()
	m := &macro{name: p.name("macro")}
	if p.accept("(") {
		m.parameters = p.parameters(m)
	}
	for {
		w := p.peek()
		if w.text == ";" {
			break
		}
		p.inBlock(w, "macro", m.name)
		m.statements = append(m.statements, p.statement(m))
	}
	p.take()
	if first := p.out.macros[m.name.text]; first != nil {
		p.fail(m.name, "second macro with the name %s: the first one is in line %d", m.name.raw, first.name.pos.Line)
	}
	p.out.macros[m.name.text] = m
}

// parameters parses the parameters of a macro after the parenthesis.
func (p *parser) parameters(m *macro) (list []string) {
	if p.accept(")") {
		return nil
	}
	for {
		t := p.take()
		if !isVariable(t) || !isName(t.text[1:]) {
			p.fail(t, "expected a parameter of macro %s, such as $port, found %v", m.name.raw, t)
		}
		if slices.Contains(list, t.text) {
			p.fail(t, "macro %s has two parameters %v", m.name.raw, t)
		}
		if len(list) == maxParams {
			p.fail(t, "macro %s has more than %d parameters", m.name.raw, maxParams)
		}
		list = append(list, t.text)
		if t = p.take(); t.text == ")" {
			return list
		}
		if t.text != "," {
			p.fail(t, "expected , or ) after parameter %s of macro %s, found %v", list[len(list)-1], m.name.raw, t)
		}
	}
}

// statement parses a rule or an include, in a macro unless m is nil.
func (p *parser) statement(m *macro) statement {
	s := statement{word: p.take()}
	if s.word.text == "include" {
		p.include(&s, m)
		return s
	}
	s.action = find(actions, s.word.text)
	if s.action == nil {
		if find(matches, s.word.text) != nil {
			p.fail(s.word, "match %v without an action: expected one of %s", s.word, strings.Join(keywordNames(actions), " "))
		}
		all := append(keywordNames(actions), directives...)
		p.fail(s.word, "expected an action or one of tag cap macro include, found %v%s", s.word, suggest(s.word.text, all...))
	}
	s.args = p.arguments(s.word, s.action, m)
	for {
		t := p.peek()
		switch {
		case t.text == ";":
			p.take()
			return s
		case t.isEnd():
			p.fail(t, "%v in line %d is not closed: expected a match or ;", s.word, s.word.pos.Line)
		}
		s.matches = append(s.matches, p.condition(&s, m))
	}
}

// condition parses a match with what stands before it.
func (p *parser) condition(s *statement, m *macro) condition {
	var c condition
	var joint, not token
	for {
		c.word = p.take()
		switch c.word.text {
		case "and", "or":
			if !joint.isEnd() {
				p.fail(c.word, "%v after %v: expected a match", c.word, joint)
			}
			joint = c.word
			continue
		case "not":
			if !not.isEnd() {
				p.fail(c.word, "second not: expected a match")
			}
			not = c.word
			continue
		}
		break
	}
	c.or, c.not = joint.text == "or", !not.isEnd()
	c.match = find(matches, c.word.text)
	switch {
	case c.match != nil:
	case !joint.isEnd() || !not.isEnd():
		p.fail(c.word, "expected a match, found %v%s", c.word, suggest(c.word.text, keywordNames(matches)...))
	case find(actions, c.word.text) != nil || slices.Contains(directives, c.word.text):
		p.fail(c.word, "%v in line %d is still open: expected a match or ; before %v", s.word, s.word.pos.Line, c.word)
	default:
		p.fail(c.word, "expected a match, and, or, not, or ; at the end of %v, found %v%s", s.word, c.word, suggest(c.word.text, keywordNames(matches)...))
	}
	c.args = p.arguments(c.word, c.match, m)
	return c
}

// arguments parses what follows a keyword.
func (p *parser) arguments(word token, k *keyword, m *macro) (args [][]token) {
	for _, a := range k.args {
		arg := []token{p.argument(word, a, m)}
		for a == argCharacteristics && p.accept(",") {
			arg = append(arg, p.argument(word, a, m))
		}
		args = append(args, arg)
	}
	return args
}

// argument parses one word of an argument. Only the names of protocols may also be words of the language.
func (p *parser) argument(word token, a argument, m *macro) token {
	t := p.take()
	_, protocol := lookup(ipProtocols, t.text)
	if !t.isWord() || isReserved(t.text) && !(a == argProtocol && protocol) {
		p.fail(t, "expected %s after %v, found %v", a, word, t)
	}
	p.variable(t, m)
	if isVariable(t) || a == argTag || a == argTagValue {
		return t // known when macros are expanded and all tags are defined
	}
	if _, ok := a.value(t.text); !ok {
		p.fail(t, "%s", a.mismatch(word, t))
	}
	return t
}

func isVariable(t token) bool { return strings.HasPrefix(t.text, "$") }

// variable fails if t is a parameter that does not exist.
func (p *parser) variable(t token, m *macro) {
	switch {
	case !isVariable(t):
	case m == nil:
		p.fail(t, "parameter %v outside of a macro", t)
	case !slices.Contains(m.parameters, t.text):
		p.fail(t, "macro %s has no parameter %v%s", m.name.raw, t, suggest(t.text, m.parameters...))
	}
}

// include parses what follows the word.
func (p *parser) include(s *statement, m *macro) {
	s.macro = p.name("macro to include")
	if !p.accept("(") || p.accept(")") {
		return
	}
	for {
		t := p.take()
		if !t.isWord() {
			p.fail(t, "expected a value for macro %s, found %v", s.macro.raw, t)
		}
		p.variable(t, m)
		s.args = append(s.args, []token{t})
		if t = p.take(); t.text == ")" {
			return
		}
		if t.text != "," {
			p.fail(t, "expected , or ) in the values for macro %s, found %v", s.macro.raw, t)
		}
	}
}
