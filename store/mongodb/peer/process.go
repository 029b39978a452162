package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// held are the ends of the inputs of programs, one of which, collected as garbage, would close.
var held []io.Closer

// startFerretDB runs FerretDB for as long as this process lives and gives its URL.
func startFerretDB() (string, error) {
	program, err := buildFerretDB()
	if err != nil {
		return "", err
	}
	command := exec.Command(program) //nolint:gosec,noctx // our own program, which ends with its input
	input, err := command.StdinPipe()
	if err != nil {
		return "", err
	}
	held = append(held, input) // open until this process ends, however it does
	output, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(output).ReadString('\n')
		lines <- strings.TrimSpace(line)
	}()
	select {
	case url := <-lines:
		if url != "" {
			return url, nil
		}
		return "", fmt.Errorf("FerretDB ended: %w", command.Wait())
	case <-time.After(time.Minute):
		return "", errors.Join(errors.New("FerretDB does not come up"), command.Process.Kill())
	}
}
