package mongodb

import (
	"kiln/search"
)

// positionKeys are the cells that the boxes around the place reach into, of the finest grid where they are few.
func positionKeys(name string, c search.PositionCriterion) condition {
	for _, size := range grids {
		if cells, ok := cellsOf(c.Boxes(), size); ok {
			list := make([]condition, len(cells))
			for i, cell := range cells {
				list[i] = is(name, "=", cell)
			}
			return some(list...)
		}
	}
	return anything{}
}

// maxCells is how many cells are asked for.
const maxCells = 64

func cellsOf(boxes []search.Box, size int) (cells []string, ok bool) {
	for _, b := range boxes {
		for north := cell(b.South+90, size); north <= cell(b.North+90, size); north++ {
			for east := cell(b.West+180, size); east <= cell(b.East+180, size); east++ {
				if len(cells) == maxCells {
					return nil, false
				}
				cells = append(cells, cellKey(size, north, east))
			}
		}
	}
	return cells, true
}
