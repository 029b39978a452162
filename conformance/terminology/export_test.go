package terminology

// Kept tells what the cache holds: definitions, and codes of them.
func (s *Service) Kept() (definitions, codes int) { return s.cache.order.Len(), s.cache.weight }
