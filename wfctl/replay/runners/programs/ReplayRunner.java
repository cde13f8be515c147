import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.temporal.api.history.v1.History;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.common.interceptors.WorkerInterceptor;
import io.temporal.common.metadata.POJOWorkflowImplMetadata;
import io.temporal.common.metadata.POJOWorkflowMethodMetadata;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.workflow.DynamicWorkflow;
import io.temporal.workflow.WorkflowInterface;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Replays histories with the project's own io.temporal:temporal-sdk; speaks the protocol of docs/replay-runners.md.
 * Arguments: the targets. Compiled against the class path of the project.
 */
public final class ReplayRunner {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static PrintStream out;
  private static Consumer<ObjectNode> watch = verdict -> {};

  /** A reason to give instead of hello. */
  private static final class Refusal extends Exception {
    Refusal(String message) {
      super(message);
    }
  }

  public static void main(String[] targets) throws Exception {
    // stdout belongs to the protocol: what the code prints goes to stderr.
    out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    Worker worker;
    TreeSet<String> types = new TreeSet<>();
    boolean[] dynamic = new boolean[1];
    try {
      worker = worker(clientOptions(targets));
      for (String target : targets) {
        register(worker, target, types, dynamic);
      }
    } catch (Refusal refusal) {
      fail(refusal.getMessage());
      return;
    } catch (Throwable error) {
      fail(trace(error));
      return;
    }
    ObjectNode hello = message("hello").put("protocol", 1).put("language", "java").put("sdk", sdk());
    if (types.isEmpty() && !dynamic[0]) {
      hello.putNull("workflows");
    } else {
      types.forEach(hello.putArray("workflows")::add);
    }
    say(hello.put("dynamic", dynamic[0]).put("histories", "protobuf"));
    serve(worker);
    Runtime.getRuntime().halt(0);
  }

  private static void serve(Worker worker) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode request = line.isBlank() ? null : JSON.readTree(line);
      if (request != null && "history".equals(request.path("wfctl").asText())) {
        ObjectNode verdict = message("verdict").put("number", request.path("number").asInt());
        judge(worker, request, verdict);
        say(verdict);
        if (verdict.path("leaving").asBoolean()) {
          return;
        }
      }
    }
  }

  private static void judge(Worker worker, JsonNode request, ObjectNode verdict) {
    try {
      watch.accept(null);
      byte[] wire = Base64.getDecoder().decode(request.path("history").asText());
      History history = History.parseFrom(ByteString.copyFrom(wire));
      worker.replayWorkflowExecution(new WorkflowExecutionHistory(history, request.path("workflow_id").asText()));
      verdict.put("verdict", "compatible");
    } catch (Throwable error) {
      explain(error, verdict);
      watch.accept(verdict);
    }
  }

  /** `error=` or `Caused by:`, a class, its message; up to the frames. */
  private static final Pattern CAUSE =
      Pattern.compile(
          "(?:error=|Caused by: )(?<type>[\\w.$]+)(?:: (?<message>.*?))?(?=\\R\\s*(?:at |Caused by: )|\\z)", Pattern.DOTALL);

  /** The SDK's replay helper prints what went wrong into the message of another exception: that text is taken apart. */
  private static void explain(Throwable error, ObjectNode verdict) {
    String whole = trace(error);
    String name = "workflow_error";
    String wanted = "";
    if (whole.contains("NonDeterministicException")) {
      name = "nondeterminism";
      wanted = "NonDeterministicException";
    } else if (whole.contains("Unknown workflow type")) {
      name = "unregistered";
    } else if (whole.contains("DataConverterException")) {
      name = "decode_error";
      wanted = "DataConverterException";
    }
    boolean stuck = whole.contains("PotentialDeadlockException");
    String message = (stuck ? "[TMPRL1101] " : "") + cause(error, whole, stuck ? "PotentialDeadlockException" : wanted);
    verdict.put("verdict", name).put("message", message).put("stack", whole).put("leaving", stuck);
  }

  /** The cause of that type, or the innermost one. */
  private static String cause(Throwable error, String whole, String wanted) {
    String found = error.toString();
    Matcher causes = CAUSE.matcher(whole);
    while (causes.find()) {
      String type = causes.group("type").substring(causes.group("type").lastIndexOf('.') + 1);
      String message = causes.group("message");
      found = wanted.equals(type) && message != null ? message : message == null ? type : type + ": " + message;
      if (wanted.equals(type)) {
        break;
      }
    }
    return found;
  }

  // The code.

  private static Worker worker(WorkflowClientOptions options) throws Exception {
    WorkflowServiceStubsOptions here =
        WorkflowServiceStubsOptions.newBuilder().setTarget("127.0.0.1:" + server().getPort()).build();
    WorkflowClient client = WorkflowClient.newInstance(WorkflowServiceStubs.newServiceStubs(here), options);
    return WorkerFactory.newInstance(client, factoryOptions()).newWorker("replay");
  }

  /** With what notes the code's commands, where it could be compiled. */
  @SuppressWarnings("unchecked")
  private static WorkerFactoryOptions factoryOptions() {
    WorkerFactoryOptions.Builder options = WorkerFactoryOptions.newBuilder();
    try {
      Object found = Class.forName("ReplayWatch").getDeclaredConstructor().newInstance();
      watch = (Consumer<ObjectNode>) found;
      return options.setWorkerInterceptors((WorkerInterceptor) found).build();
    } catch (ReflectiveOperationException | LinkageError missing) {
      return options.build();
    }
  }

  /** All that a replay asks a server is what it can do. */
  private static Server server() throws Exception {
    GetSystemInfoResponse.Capabilities everything =
        GetSystemInfoResponse.Capabilities.newBuilder()
            .setSignalAndQueryHeader(true)
            .setInternalErrorDifferentiation(true)
            .setActivityFailureIncludeHeartbeat(true)
            .setSupportsSchedules(true)
            .setEncodedFailureAttributes(true)
            .setUpsertMemo(true)
            .setEagerWorkflowStart(true)
            .setSdkMetadata(true)
            .build();
    return NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
        .addService(
            new WorkflowServiceGrpc.WorkflowServiceImplBase() {
              @Override
              public void getSystemInfo(GetSystemInfoRequest request, StreamObserver<GetSystemInfoResponse> observer) {
                observer.onNext(GetSystemInfoResponse.newBuilder().setCapabilities(everything).build());
                observer.onCompleted();
              }
            })
        .build()
        .start();
  }

  /** A static method without arguments that makes the client's options: data converter, interceptors. */
  private static WorkflowClientOptions clientOptions(String[] targets) throws Exception {
    for (String target : targets) {
      Method method = target.contains("#") ? method(target) : null;
      if (method != null && method.getReturnType() == WorkflowClientOptions.class) {
        return (WorkflowClientOptions) call(method);
      }
    }
    return WorkflowClientOptions.getDefaultInstance();
  }

  private static void register(Worker worker, String target, TreeSet<String> types, boolean[] dynamic) throws Exception {
    if (target.contains("#")) {
      Method method = method(target);
      if (method.getParameterCount() == 1 && method.getParameterTypes()[0].isAssignableFrom(Worker.class)) {
        call(method, worker);
        // What a method registers stays its secret.
        dynamic[0] = true;
      } else if (method.getReturnType() != WorkflowClientOptions.class) {
        throw new Refusal(target + " must take an io.temporal.worker.Worker, or make WorkflowClientOptions");
      }
      return;
    }
    for (Class<?> implementation : implementations(target)) {
      worker.registerWorkflowImplementationTypes(implementation);
      if (DynamicWorkflow.class.isAssignableFrom(implementation)) {
        dynamic[0] = true;
        continue;
      }
      for (POJOWorkflowMethodMetadata one : POJOWorkflowImplMetadata.newInstance(implementation).getWorkflowMethods()) {
        types.add(one.getName());
      }
    }
  }

  private static Method method(String target) throws Exception {
    String[] parts = target.split("#", 2);
    for (Method method : type(parts[0]).getDeclaredMethods()) {
      if (method.getName().equals(parts[1]) && Modifier.isStatic(method.getModifiers())) {
        method.setAccessible(true);
        return method;
      }
    }
    throw new Refusal(parts[0] + " has no static method '" + parts[1] + "'");
  }

  private static Object call(Method method, Object... arguments) throws Exception {
    try {
      return method.invoke(null, arguments);
    } catch (InvocationTargetException error) {
      if (error.getCause() instanceof Exception) {
        throw (Exception) error.getCause();
      }
      throw error;
    }
  }

  private static Class<?> type(String name) throws Refusal {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException error) {
      throw new Refusal("there is no class or package '" + name + "' on the class path");
    }
  }

  private static List<Class<?>> implementations(String target) throws Exception {
    List<Class<?>> found = new ArrayList<>();
    for (String name : classesBelow(target)) {
      Class<?> candidate = Class.forName(name, false, ReplayRunner.class.getClassLoader());
      if (isImplementation(candidate)) {
        found.add(candidate);
      }
    }
    if (found.isEmpty()) {
      Class<?> named = type(target);
      if (!isImplementation(named)) {
        throw new Refusal(target + " implements no interface with @WorkflowInterface");
      }
      found.add(named);
    }
    return found;
  }

  /** Classes of a package, and of those below it, in the directories of the class path. */
  private static List<String> classesBelow(String name) throws Exception {
    List<String> found = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path root = Path.of(entry);
      Path directory = root.resolve(name.replace('.', File.separatorChar));
      if (!entry.isEmpty() && Files.isDirectory(directory)) {
        try (Stream<Path> files = Files.walk(directory)) {
          files.map(file -> root.relativize(file).toString())
              .filter(file -> file.endsWith(".class"))
              .map(file -> file.substring(0, file.length() - 6).replace(File.separatorChar, '.'))
              .sorted()
              .forEach(found::add);
        }
      }
    }
    return found;
  }

  private static boolean isImplementation(Class<?> type) {
    if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
      return false;
    }
    return DynamicWorkflow.class.isAssignableFrom(type) || hasWorkflowInterface(type);
  }

  private static boolean hasWorkflowInterface(Class<?> type) {
    if (type == null) {
      return false;
    }
    return type.isAnnotationPresent(WorkflowInterface.class)
        || hasWorkflowInterface(type.getSuperclass())
        || Arrays.stream(type.getInterfaces()).anyMatch(ReplayRunner::hasWorkflowInterface);
  }

  // Telling.

  private static String sdk() {
    String version = Worker.class.getPackage().getImplementationVersion();
    return "io.temporal:temporal-sdk" + (version == null ? "" : " " + version);
  }

  private static ObjectNode message(String kind) {
    return JSON.createObjectNode().put("wfctl", kind);
  }

  private static void say(ObjectNode message) throws Exception {
    out.print("\n" + JSON.writeValueAsString(message) + "\n");
    out.flush();
  }

  private static void fail(String reason) throws Exception {
    say(message("failure").put("message", reason));
    Runtime.getRuntime().halt(1);
  }

  private static String trace(Throwable error) {
    StringWriter text = new StringWriter();
    error.printStackTrace(new PrintWriter(text));
    return text.toString();
  }
}
