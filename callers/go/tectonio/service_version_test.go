package tectonio

import (
	"context"
	"net"
	"strings"
	"testing"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
)

// describedService answers discovery only, with the description of one transform.
type describedService struct {
	jobpb.UnimplementedExpansionServiceServer
	identifier, description string
}

func (s *describedService) DiscoverSchemaTransform(context.Context, *jobpb.DiscoverSchemaTransformRequest) (
	*jobpb.DiscoverSchemaTransformResponse, error) {
	return &jobpb.DiscoverSchemaTransformResponse{SchemaTransformConfigs: map[string]*jobpb.SchemaTransformConfig{
		s.identifier: {Description: s.description}}}, nil
}

func TestAServiceOfAnotherVersionIsRefusedWithBoth(t *testing.T) {
	for _, one := range []struct {
		name    string
		service describedService
		words   []string
	}{
		{"another", describedService{identifier: identifier, description: "Writes rows. Served by beam-tecton 9.8.7"},
			[]string{"is version 9.8.7", "version " + Version}},
		{"older", describedService{identifier: identifier, description: "Writes rows."}, []string{"does not say its version", Version}},
		{"other transforms", describedService{identifier: "beam:other:v1"}, []string{"is not that of beam-tecton"}},
		{"this one", describedService{identifier: identifier, description: "Served by beam-tecton " + Version}, []string{"Expand not implemented"}},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		jobpb.RegisterExpansionServiceServer(server, &one.service)
		go func() { _ = server.Serve(listener) }()
		address := listener.Addr().String()
		text := refused(t, Config{"i", "env:K", "w", "s"}, event(1, nil), ExpansionService(address))
		server.Stop()
		for _, word := range append(one.words, address) {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q is not in %s", one.name, word, text)
			}
		}
	}
}
