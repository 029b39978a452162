package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
)

// readJSON reads what was sent, and otherwise says what is wrong. Members that nobody knows are refused, since whoever
// sends them expects something of them.
func readJSON(c *gin.Context, into any) bool {
	body := http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more after the object")
		}
	}
	if err != nil {
		problem(c, http.StatusBadRequest, "The body is not the JSON object expected: "+err.Error()+".")
	}
	return err == nil
}
