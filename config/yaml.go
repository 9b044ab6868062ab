package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. The parser's time grows with the square of the number of tokens and the
// lexer's with the cube of the number of blank lines, so the size alone is no bound.
const (
	// MaxFileSize is the size in bytes above which a file is not looked at.
	MaxFileSize = 1 << 20

	maxLines  = 20_000
	maxWidth  = 16_384 // bytes of a line
	maxBlank  = 1_000
	maxMarks  = 40_000 // characters with a meaning in YAML
	maxTokens = 20_000
	maxDepth  = 20
)

// yamlMarks are the characters that can begin or end something.
const yamlMarks = ",:[]{}?&*!|>'\"%@\\"

// document is one parsed YAML file.
type document struct {
	root     ast.Node // a mapping; nil when the file holds nothing
	comments []*token.Token
}

// parseDocument reads src up to its tree. It returns nil after reporting why it cannot be
// read; anchors, aliases, tags and further documents are reported together.
func parseDocument(src []byte, r *report) *document {
	if !acceptable(src, r) {
		return nil
	}
	tokens := lexer.Tokenize(normalize(src))
	if !plain(tokens, r) {
		return nil
	}
	file, err := parseTokens(tokens)
	if err != nil {
		reportSyntax(err, r)
		return nil
	}
	doc := &document{}
	for _, t := range tokens {
		if t.Type == token.CommentType {
			doc.comments = append(doc.comments, t)
		}
	}
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if _, ok := d.Body.(ast.MapNode); !ok || doc.root != nil {
			r.error(note{pos: posOf(d.Body), message: "expected fields at the top level, got " + kindOf(d.Body), fix: "profiles:"})
			return nil
		}
		doc.root = d.Body
	}
	return doc
}

// normalize returns the text without its byte order mark and with plain line ends: the lexer
// miscounts the others. No character changes its line or column.
func normalize(src []byte) string {
	text := strings.TrimPrefix(string(src), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n")
}

// acceptable checks the bytes of a file before anything with more than linear cost sees them.
func acceptable(src []byte, r *report) bool {
	if len(src) > MaxFileSize {
		r.error(note{message: fmt.Sprintf("the file is larger than %d bytes", MaxFileSize), fix: "make the file smaller"})
		return false
	}
	at, start, blank, marks, empty := Pos{1, 0}, 0, 0, 0, true
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		i += size
		at.Column++
		switch {
		case c == utf8.RuneError && size == 1:
			r.error(note{pos: at, message: "the text is not UTF-8", fix: "save the file as UTF-8"})
			return false
		case c == '\r' && i < len(src) && src[i] == '\n':
		case c == '\n' || c == '\r':
			if empty {
				blank++
			}
			at, start, empty = Pos{at.Line + 1, 0}, i, true
		case c == ' ':
		case c < ' ' && c != '\t' || c == 0x7f:
			r.error(note{pos: at, message: fmt.Sprintf("control character U+%04X", c), fix: "delete the character"})
			return false
		default:
			empty = false
			if strings.ContainsRune(yamlMarks, c) {
				marks++
			}
		}
		if i-start > maxWidth {
			r.error(note{pos: Pos{at.Line, 1}, message: fmt.Sprintf("the line is longer than %d bytes", maxWidth), fix: "break the line"})
			return false
		}
	}
	if at.Line > maxLines || blank > maxBlank || marks > maxMarks {
		r.error(note{
			message: fmt.Sprintf("more than %d lines, %d blank lines or %d brackets, colons and commas", maxLines, maxBlank, maxMarks),
			fix:     "make the file smaller",
		})
		return false
	}
	return true
}

// plain refuses what no file of prism needs and what a small file could grow large with.
// sops writes anchors and merge keys out when it seals a file, so they would not last.
func plain(tokens token.Tokens, r *report) bool {
	if len(tokens) > maxTokens {
		r.error(note{message: "more values than a file of prism can need", fix: "make the file smaller"})
		return false
	}
	depth, dashes, headers, content := 0, 0, 0, false
	before := len(r.all)
	for _, t := range tokens {
		pos := Pos{t.Position.Line, t.Position.Column}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			r.error(note{pos: pos, message: "anchors, aliases and merge keys are not supported", fix: "write the value out"})
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			r.error(note{pos: pos, message: "tags, directives and complex keys are not supported", fix: "write the plain value"})
		case token.DocumentHeaderType:
			if headers++; headers > 1 || content {
				r.error(note{pos: pos, message: "a second document in the file", fix: "delete the line ---"})
			}
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if dashes++; t.Type != token.SequenceEntryType {
			dashes = 0
		}
		content = content || t.Type != token.CommentType && t.Type != token.DocumentHeaderType
		if depth > maxDepth || dashes > maxDepth {
			r.error(note{pos: pos, message: "lists within lists without end", fix: "check the brackets and dashes"})
			return false
		}
	}
	return len(r.all) == before && nested(tokens, r)
}

// nested bounds the depth of block mappings, which is the recursion of the parser.
func nested(tokens token.Tokens, r *report) bool {
	var columns []int
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
			columns = columns[:len(columns)-1]
		}
		if t.Next != nil && t.Next.Type == token.MappingValueType {
			if columns = append(columns, t.Position.Column); len(columns) > maxDepth {
				r.error(note{pos: Pos{t.Position.Line, t.Position.Column}, message: "fields within fields without end", fix: "check the indentation"})
				return false
			}
		}
	}
	return true
}

// parseTokens keeps a panic of the parser from reaching the gateway: the file is input.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parse yaml: %v", p)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

func reportSyntax(err error, r *report) {
	n := note{pos: Pos{1, 1}, message: "this is not valid YAML", fix: "check the indentation, the quotes and the colons"}
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		n.message += ": " + redactKeys(syntax.Message)
		if t := syntax.Token; t != nil && t.Position != nil {
			n.pos = Pos{t.Position.Line, t.Position.Column}
		}
	}
	r.error(n)
}

func posOf(n ast.Node) Pos {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		n = m.Key
	}
	if l, ok := n.(*ast.LiteralNode); ok {
		return Pos{l.Start.Position.Line, l.Start.Position.Column}
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return Pos{1, 1}
	}
	return Pos{t.Position.Line, t.Position.Column}
}

// kindOf names a node for a message.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "fields"
	case ast.ArrayNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	default:
		return "text"
	}
}
