package config

// keys fills the keys of a profile: the one of api_key, or the list.
func (c *checker) keys(p *Profile, s *profileShape, path string) {
	if s.APIKey.given() {
		p.APIKey = s.APIKey.s
		p.Keys = []Key{{Secret: s.APIKey.s, Pos: s.APIKey.pos}}
		if len(s.Keys) > 0 {
			c.error(note{pos: s.APIKey.pos, path: path + ".api_key", bare: true, message: "give one of api_key and keys", fix: "move the key of api_key into keys"})
		}
		return
	}
	names, secrets := make(map[string]int), make(map[string]int)
	for i := range s.Keys {
		k := &s.Keys[i]
		at := path + ".keys[" + k.nameOr(i) + "]"
		c.keyName(&k.Name, at+".name", names)
		if text := k.APIKey.s.Reveal(); text != "" {
			if line := secrets[text]; line > 0 {
				c.warning(note{
					pos: k.APIKey.pos, path: at + ".api_key", bare: true,
					message: "the same key as in line " + plain10(line) + ": nothing is gained by going from one to the other", fix: "delete one of the two",
				})
			}
			secrets[text] = k.APIKey.pos.Line
		}
		p.Keys = append(p.Keys, Key{Name: k.Name.s, Secret: k.APIKey.s, Pos: k.APIKey.pos})
	}
	if len(p.Keys) > 0 {
		p.APIKey, p.KeyPos = p.Keys[0].Secret, p.Keys[0].Pos
	}
}

// nameOr returns the name of key i for paths, or its number.
func (k *keyShape) nameOr(i int) string {
	if n := k.Name.s; profileName.MatchString(n) && keyIn(n) == "" {
		return n
	}
	return plain10(i)
}

// keyName checks the name of one of several keys; lines holds those before it.
func (c *checker) keyName(name *text, path string, lines map[string]int) {
	switch {
	case !name.given() || name.locked:
		return
	case keyIn(name.s) != "":
		c.error(note{pos: name.pos, path: path, bare: true, message: "the name looks like a key; names are shown everywhere", fix: "name: first"})
	case !profileName.MatchString(name.s):
		c.error(note{
			pos: name.pos, path: path, message: "the name " + name.show() + " cannot be used",
			fix: "use letters, digits, dots, dashes and underscores, at most 64, a letter or digit first",
		})
	case lines[name.s] > 0:
		c.error(note{
			pos: name.pos, path: path, message: "a second key with this name, the first is in line " + plain10(lines[name.s]),
			fix: "name: " + name.s + "-2",
		})
	default:
		lines[name.s] = name.pos.Line
	}
}
