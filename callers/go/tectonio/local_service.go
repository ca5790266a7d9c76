package tectonio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

const (
	startTime = 30 * time.Second // from start to the line that names the port; it takes a few milliseconds
	stopTime  = 10 * time.Second // the polite part of an end; the service gives bundles that run 8 s of it
	readTime  = time.Second      // for what it wrote last; its pipes close with its last worker
	lastLines = 20               // lines of its log quoted in errors
	lineBytes = 64 * 1024        // of one line; the service's are shorter, what is beyond comes as a line of its own
)

var readyLine = regexp.MustCompile(`listening on (localhost:\d+)\s*$`)

// localService is one running service process. It is also the pool that starts workers for local runners, so it has to live as
// long as the pipelines do: until this process ends, in whatever way, which closes the service's standard input.
type localService struct {
	binary      string
	environment map[string]string // it was started with; what references such as env:NAME will be resolved against
	command     *exec.Cmd
	input       io.WriteCloser
	address     string
	exited      chan struct{} // closed when it has ended
	exit        *os.ProcessState
	ended       chan struct{} // closed when its last lines were read, too

	mutex    sync.Mutex
	last     []string // the end of its log
	isReady  bool     // it said where it listens
	stopping bool
}

var (
	servicesMutex sync.Mutex
	services      []*localService
)

// sharedService is the process's service, started now if there is none. `variable` is the environment variable that the worker
// will read, if any: the service hands on the environment it was started with, so if the variable has changed since, a second
// service is started and the first one kept for the pipelines that use it.
func sharedService(variable string) (*localService, error) {
	servicesMutex.Lock()
	defer servicesMutex.Unlock()
	binary, err := findBinary()
	if err != nil {
		return nil, err
	}
	for _, service := range services {
		value, set := os.LookupEnv(variable)
		known, knownSet := service.environment[variable]
		same := variable == "" || (value == known && set == knownSet)
		if service.binary == binary && service.running() && same {
			return service, nil
		}
	}
	if err := checkVersion(binary); err != nil {
		return nil, err
	}
	service, err := startService(binary, "expansion-service", "--port", "0", "--exit-with-stdin")
	if err != nil {
		return nil, err
	}
	services = append(services, service)
	return service, nil
}

// stopServices ends every service of the process; a later use starts a new one.
func stopServices() {
	servicesMutex.Lock()
	stopped := services
	services = nil
	servicesMutex.Unlock()
	for _, service := range stopped {
		service.stop()
	}
}

func startService(binary string, arguments ...string) (*localService, error) {
	service := &localService{binary: binary, environment: map[string]string{}, exited: make(chan struct{}), ended: make(chan struct{})}
	service.command = exec.Command(binary, arguments...)
	service.command.Env = os.Environ()
	for _, pair := range service.command.Env {
		name, value, _ := strings.Cut(pair, "=")
		service.environment[name] = value
	}
	// A session of its own: Ctrl-C goes to the Go program, which ends the pipeline first.
	service.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, inputErr := service.command.StdinPipe()
	output, outputErr := service.command.StdoutPipe()
	logged, loggedErr := service.command.StderrPipe()
	if err := errors.Join(inputErr, outputErr, loggedErr); err != nil {
		return nil, fmt.Errorf("the %s service could not be started: %w", binaryName, err)
	}
	service.input = input
	if err := service.command.Start(); err != nil {
		return nil, fmt.Errorf("%s could not be started: %w. If the file is damaged or built for another machine, reinstall beam-tecton "+
			"or set %s to a working program", binary, err, binaryVariable)
	}
	ready := make(chan string, 1) // its address
	var readers sync.WaitGroup
	readers.Go(func() { service.readOutput(output, ready) })
	readers.Go(func() { service.readLog(logged) })
	go func() {
		// Not command.Wait, which closes the pipes before they are read to their end.
		service.exit, _ = service.command.Process.Wait()
		close(service.exited)
		read := make(chan struct{})
		go func() { readers.Wait(); close(read) }()
		select {
		case <-read:
		case <-time.After(readTime):
		}
		_, _, _ = input.Close(), output.Close(), logged.Close()
		service.noteEnd()
		close(service.ended)
	}()
	return service, service.waitUntilReady(ready)
}

func (s *localService) waitUntilReady(ready <-chan string) error {
	var what string
	select {
	case s.address = <-ready:
		return nil
	case <-s.ended:
		what = fmt.Sprintf("it ended (%v) before it said where it listens", s.exit)
	case <-time.After(startTime):
		what = fmt.Sprintf("it did not say within %v where it listens", startTime)
	}
	s.stop()
	return fmt.Errorf("%s could not be started as expansion service: %s. Its last lines:\n%s", s.binary, what, s.lastLines())
}

func (s *localService) readOutput(output io.Reader, ready chan<- string) {
	eachLine(output, func(line string) {
		match := readyLine.FindStringSubmatch(line)
		s.mutex.Lock()
		isFirst := match != nil && !s.isReady
		s.isReady = s.isReady || isFirst
		s.mutex.Unlock()
		if isFirst {
			ready <- match[1]
		}
	})
}

// readLog keeps the end of the service's log and hands on what is more than news.
func (s *localService) readLog(logged io.Reader) {
	severities := map[string]log.Severity{"WARN": log.SevWarn, "ERROR": log.SevError}
	eachLine(logged, func(line string) {
		s.mutex.Lock()
		s.last = append(s.last, line)
		if len(s.last) > lastLines {
			s.last = s.last[1:]
		}
		s.mutex.Unlock()
		level, _, _ := strings.Cut(line, " ")
		severity, found := severities[level]
		if !found {
			severity = log.SevDebug
		}
		log.Output(context.Background(), severity, 1, binaryName+": "+line)
	})
}

func eachLine(from io.Reader, do func(line string)) {
	reader := bufio.NewReaderSize(from, lineBytes)
	for {
		line, _, err := reader.ReadLine()
		if err != nil {
			return
		}
		do(string(line))
	}
}

// noteEnd logs an end that nobody asked for.
func (s *localService) noteEnd() {
	s.mutex.Lock()
	expected := s.stopping || !s.isReady
	s.mutex.Unlock()
	if !expected {
		log.Errorf(context.Background(), "The %s service ended (%v) while it was in use; pipelines that need its workers may fail. "+
			"Its last lines:\n%s", binaryName, s.exit, s.lastLines())
	}
}

func (s *localService) running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// lastLines is the end of its log, for error messages.
func (s *localService) lastLines() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.last) == 0 {
		return "  (it logged nothing)"
	}
	return "  " + strings.Join(s.last, "\n  ")
}

// stop ends the service and its workers: by closing its input and SIGTERM, after stopTime by SIGKILL.
func (s *localService) stop() {
	s.mutex.Lock()
	s.stopping = true
	s.mutex.Unlock()
	_ = s.input.Close()
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopTime):
		_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL) // with the workers, which are in its group
	}
	<-s.ended
}
