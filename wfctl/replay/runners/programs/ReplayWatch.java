import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.temporal.common.interceptors.WorkerInterceptorBase;
import io.temporal.common.interceptors.WorkflowInboundCallsInterceptor;
import io.temporal.common.interceptors.WorkflowInboundCallsInterceptorBase;
import io.temporal.common.interceptors.WorkflowOutboundCallsInterceptor;
import io.temporal.common.interceptors.WorkflowOutboundCallsInterceptorBase;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Notes each command that workflow code makes, and the line that makes it: an interceptor that passes everything on. The
 * runner does without where the project's SDK is too old for it. Given a verdict, adds what was noted to it; given null,
 * forgets.
 */
public final class ReplayWatch extends WorkerInterceptorBase implements Consumer<ObjectNode> {
  private static final String[] NOT_THEIRS = {
    "io.temporal.", "java.", "javax.", "jdk.", "sun.", "com.sun.", "com.google.", "ReplayWatch", "ReplayRunner"
  };

  private ArrayNode made = JsonNodeFactory.instance.arrayNode();
  private ArrayNode patches = JsonNodeFactory.instance.arrayNode();

  @Override
  public synchronized void accept(ObjectNode verdict) {
    if (verdict != null) {
      verdict.set("commands", made);
      verdict.set("patches", patches);
    }
    made = JsonNodeFactory.instance.arrayNode();
    patches = JsonNodeFactory.instance.arrayNode();
  }

  private void note(String kind, String name, String id) {
    add(described(kind, name, id));
  }

  private synchronized void add(ObjectNode one) {
    made.add(one);
  }

  private static ObjectNode described(String kind, String name, String id) {
    ObjectNode one = JsonNodeFactory.instance.objectNode();
    one.put("kind", kind).put("name", name).put("id", id == null ? "" : id);
    for (StackTraceElement frame : new Throwable().getStackTrace()) {
      if (isTheirs(frame.getClassName()) && frame.getFileName() != null) {
        one.putObject("location")
            .put("file", frame.getFileName())
            .put("line", frame.getLineNumber())
            .put("function", frame.getClassName() + "." + frame.getMethodName());
        return one;
      }
    }
    return one;
  }

  private static boolean isTheirs(String type) {
    for (String prefix : NOT_THEIRS) {
      if (type.startsWith(prefix)) {
        return false;
      }
    }
    return true;
  }

  private static ObjectNode timer(Duration duration) {
    return described("START_TIMER", duration.toMillis() / 1000.0 + "s", "");
  }

  private void noteTimer(Duration duration) {
    if (!duration.isZero() && !duration.isNegative()) {
      add(timer(duration));
    }
  }

  @Override
  public WorkflowInboundCallsInterceptor interceptWorkflow(WorkflowInboundCallsInterceptor next) {
    return new WorkflowInboundCallsInterceptorBase(next) {
      @Override
      public void init(WorkflowOutboundCallsInterceptor outbound) {
        next.init(new Outbound(outbound));
      }
    };
  }

  private final class Outbound extends WorkflowOutboundCallsInterceptorBase {
    private final WorkflowOutboundCallsInterceptor next;

    Outbound(WorkflowOutboundCallsInterceptor next) {
      super(next);
      this.next = next;
    }

    @Override
    public <R> ActivityOutput<R> executeActivity(ActivityInput<R> input) {
      note("SCHEDULE_ACTIVITY_TASK", input.getActivityName(), "");
      return next.executeActivity(input);
    }

    @Override
    public <R> LocalActivityOutput<R> executeLocalActivity(LocalActivityInput<R> input) {
      note("LOCAL_ACTIVITY_MARKER", input.getActivityName(), "");
      return next.executeLocalActivity(input);
    }

    @Override
    public <R> ChildWorkflowOutput<R> executeChildWorkflow(ChildWorkflowInput<R> input) {
      note("START_CHILD_WORKFLOW_EXECUTION", input.getWorkflowType(), input.getWorkflowId());
      return next.executeChildWorkflow(input);
    }

    @Override
    public SignalExternalOutput signalExternalWorkflow(SignalExternalInput input) {
      note("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", input.getSignalName(), "");
      return next.signalExternalWorkflow(input);
    }

    @Override
    public void sleep(Duration duration) {
      noteTimer(duration);
      next.sleep(duration);
    }

    @Override
    public boolean await(Duration timeout, String reason, Supplier<Boolean> condition) {
      // A timer is only made if the condition does not hold at once; it is asked no more often than without us.
      ObjectNode timer = timer(timeout);
      AtomicBoolean isAsked = new AtomicBoolean();
      return next.await(
          timeout,
          reason,
          () -> {
            boolean holds = condition.get();
            if (!isAsked.getAndSet(true) && !holds) {
              add(timer);
            }
            return holds;
          });
    }

    @Override
    public Promise<Void> newTimer(Duration delay) {
      noteTimer(delay);
      return next.newTimer(delay);
    }

    @Override
    public Promise<Void> newTimer(Duration delay, TimerOptions options) {
      noteTimer(delay);
      return next.newTimer(delay, options);
    }

    @Override
    public int getVersion(String changeId, int minSupported, int maxSupported) {
      synchronized (ReplayWatch.this) {
        patches.add(changeId);
      }
      return next.getVersion(changeId, minSupported, maxSupported);
    }

    @Override
    public void continueAsNew(ContinueAsNewInput input) {
      note("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", "", "");
      next.continueAsNew(input);
    }
  }
}
