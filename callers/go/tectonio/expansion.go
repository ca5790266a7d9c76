package tectonio

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/xlangx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	transformURN = "beam_tecton:transform:stream_write:v1"
	identifier   = "beam:schematransform:org.apache.beam:tecton_stream_write:v1"
	handlerName  = "beam_tecton"

	expandTime = 30 * time.Second // one call, answered within milliseconds
)

var servedBy = regexp.MustCompile(binaryName + ` (\S+)$`)

// expansionError is a refusal or a failure of the service, in words for the user.
type expansionError struct {
	text string
}

func (e *expansionError) Error() string { return e.text }

// expansionCall is what one expansion asks of whom. It reaches the handler by a name: the errors and traces of Beam's own
// handler print the whole request, and the request has the key.
type expansionCall struct {
	address string
	service *localService // nil: one that the user named
	payload []byte
}

var (
	calls     sync.Map // name -> *expansionCall
	callCount atomic.Uint64
)

func init() {
	xlangx.RegisterHandler(handlerName, handleExpansion)
}

// expand adds the external transform to the pipeline.
func expand(s beam.Scope, call *expansionCall, rows beam.PCollection, outputs map[string]beam.FullType) (
	written map[string]beam.PCollection, err error) {
	name := strconv.FormatUint(callCount.Add(1), 10)
	calls.Store(name, call)
	defer calls.Delete(name)
	defer func() {
		if panicked := recover(); panicked != nil { // Beam's way to say that outputs are missing
			err = fmt.Errorf("the expansion service at %s is of another version than this package (%s): %v", call.address, Version,
				panicked)
		}
	}()
	inputs := map[string]beam.PCollection{"input": rows}
	written, err = beam.TryCrossLanguage(s, transformURN, nil, handlerName+xlangx.Separator+name, inputs, outputs)
	var refusal *expansionError
	if errors.As(err, &refusal) {
		return nil, refusal
	}
	return written, err
}

func handleExpansion(ctx context.Context, params *xlangx.HandlerParams) (*jobpb.ExpansionResponse, error) {
	found, ok := calls.Load(params.Config)
	if !ok {
		return nil, &expansionError{"the address " + handlerName + " is for tectonio.Write only. Use it in place of beam.CrossLanguage"}
	}
	call := found.(*expansionCall)
	params.Req.GetTransform().GetSpec().Payload = call.payload
	connection, err := grpc.NewClient(call.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, &expansionError{call.unreachable(err.Error())}
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, expandTime)
	defer cancel()
	service := jobpb.NewExpansionServiceClient(connection)
	if call.service == nil {
		if err := call.checkVersion(ctx, service); err != nil {
			return nil, err
		}
	}
	response, err := service.Expand(ctx, params.Req)
	if err != nil {
		return nil, &expansionError{call.unreachable(status.Convert(err).Message())}
	}
	if response.GetError() != "" {
		return nil, &expansionError{response.GetError()}
	}
	return response, nil
}

// checkVersion refuses a service of another version than this package's. The expansion protocol has no field for the version, so it
// stands at the end of the description of the transform.
func (c *expansionCall) checkVersion(ctx context.Context, service jobpb.ExpansionServiceClient) error {
	answer, err := service.DiscoverSchemaTransform(ctx, &jobpb.DiscoverSchemaTransformRequest{})
	if err != nil {
		return &expansionError{c.unreachable(status.Convert(err).Message())}
	}
	served, found := answer.GetSchemaTransformConfigs()[identifier]
	if !found {
		return &expansionError{fmt.Sprintf("the expansion service at %s is not that of %s. Give the address of `%s expansion-service`",
			c.address, binaryName, binaryName)}
	}
	version := servedBy.FindStringSubmatch(served.GetDescription())
	if version == nil {
		return &expansionError{fmt.Sprintf("the expansion service at %s does not say its version, so it is older than this package, which "+
			"is version %s. Start %s %s there", c.address, Version, binaryName, Version)}
	}
	if version[1] != Version {
		return &expansionError{fmt.Sprintf("the expansion service at %s is version %s, and this package is version %s. Start %s %s there, "+
			"or use version %s of the package here", c.address, version[1], Version, binaryName, Version, version[1])}
	}
	return nil
}

func (c *expansionCall) unreachable(detail string) string {
	if c.service == nil {
		return fmt.Sprintf("the expansion service at %s did not answer: %s. Check that it runs and the address is right", c.address,
			detail)
	}
	return fmt.Sprintf("the %s service at %s did not answer: %s. Its last lines:\n%s", binaryName, c.address, detail,
		c.service.lastLines())
}
