package fhirpath

func (c *compiler) factory(x *call) (node, error) {
	return nil, c.fail(x.pos, "There is no function %q.", clip(x.name))
}
