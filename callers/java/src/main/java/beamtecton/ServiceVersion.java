package beamtecton;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.beam.model.expansion.v1.ExpansionApi.DiscoverSchemaTransformRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.SchemaTransformConfig;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.fn.channel.ManagedChannelFactory;
import org.apache.beam.sdk.util.construction.DefaultExpansionServiceClientFactory;

/** The version of an expansion service that was not started here. */
final class ServiceVersion {
  private static final String IDENTIFIER = "beam:schematransform:org.apache.beam:tecton_stream_write:v1";

  /** The expansion protocol has no field for it, so it stands at the end of the transform's description. */
  private static final Pattern SERVED_BY = Pattern.compile(NativeBinary.NAME + " (\\S+)$");

  private ServiceVersion() {}

  /** Refuses a service of another version than this package's, whose options and outputs may be others. */
  static void check(String address) throws Exception {
    SchemaTransformConfig served;
    DefaultExpansionServiceClientFactory clients = clients();
    try {
      served =
          clients
              .getExpansionServiceClient(ApiServiceDescriptor.newBuilder().setUrl(address).build())
              .discover(DiscoverSchemaTransformRequest.getDefaultInstance())
              .getSchemaTransformConfigsMap()
              .get(IDENTIFIER);
    } finally {
      clients.close();
    }
    if (served == null) {
      throw new IllegalStateException(
          String.format(
              "The expansion service at %s is not that of %s. Give the address of `%s expansion-service`.",
              address, NativeBinary.NAME, NativeBinary.NAME));
    }
    check(address, served.getDescription());
  }

  static void check(String address, String description) {
    Matcher version = SERVED_BY.matcher(description);
    if (!version.find()) {
      throw new IllegalStateException(
          String.format(
              "The expansion service at %s does not say its version, so it is older than this package, which is version %s. Start %s %s"
                  + " there.",
              address, TectonIO.VERSION, NativeBinary.NAME, TectonIO.VERSION));
    }
    if (!version.group(1).equals(TectonIO.VERSION)) {
      throw new IllegalStateException(
          String.format(
              "The expansion service at %s is version %s, and this package is version %s. Start %s %s there, or use version %s of the"
                  + " package here.",
              address, version.group(1), TectonIO.VERSION, NativeBinary.NAME, TectonIO.VERSION, version.group(1)));
    }
  }

  /** By reflection: the channel's class is in a package whose name differs between releases of Beam. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private static DefaultExpansionServiceClientFactory clients() throws NoSuchMethodException {
    ManagedChannelFactory channels = ManagedChannelFactory.createDefault();
    Method open = ManagedChannelFactory.class.getMethod("forDescriptor", ApiServiceDescriptor.class);
    Function channel =
        descriptor -> {
          try {
            return open.invoke(channels, descriptor);
          } catch (IllegalAccessException | InvocationTargetException error) {
            throw new IllegalStateException("No channel to the expansion service could be made.", error);
          }
        };
    return DefaultExpansionServiceClientFactory.create(channel);
  }
}
