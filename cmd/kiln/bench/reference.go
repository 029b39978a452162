package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

// Answer is what a bare reference serves for every request: the bytes and headers of a real one.
type Answer struct {
	Header http.Header
	Body   []byte
}

// Capture fetches one answer of the server.
func Capture(ctx context.Context, address, path string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Accept", "application/fhir+json")
	request.Header.Set("Accept-Encoding", "identity")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return Answer{}, fmt.Errorf("%s answered %s: %.300s", path, response.Status, body)
	}
	for _, name := range []string{"Date", "Content-Length", "Transfer-Encoding"} {
		response.Header.Del(name)
	}
	return Answer{response.Header, body}, nil
}

// StartReference runs a bare gin handler that serves the answer, as a process of its own.
func StartReference(ctx context.Context, answer Answer) (*Process, error) {
	file, err := os.CreateTemp("", "kiln-reference-*.json")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if err := json.NewEncoder(file).Encode(answer); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return Start(ctx, "bench", "reference", file.Name())
}

// ServeReference is the child of StartReference: gin without middleware, one route with two
// parameters, the bytes written by c.Data.
func ServeReference(ctx context.Context, path string, log io.Writer) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var answer Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	contentType := answer.Header.Get("Content-Type")
	answer.Header.Del("Content-Type")
	serve := func(c *gin.Context) {
		header := c.Writer.Header()
		for name, values := range answer.Header {
			header[name] = values
		}
		c.Data(http.StatusOK, contentType, answer.Body)
	}
	engine.GET("/fhir/:type", serve)
	engine.GET("/fhir/:type/:id", serve)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "%shttp://%s\n", listening, listener.Addr())
	server := &http.Server{Handler: engine, ReadHeaderTimeout: maxWait}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
