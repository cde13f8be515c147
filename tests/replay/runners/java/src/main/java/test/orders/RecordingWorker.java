package test.orders;

import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;

/** The worker of a recording: HOST:PORT QUEUE VERSION; ends with its stdin. */
public final class RecordingWorker {
  public static void main(String[] args) throws Exception {
    WorkflowServiceStubs service =
        WorkflowServiceStubs.newServiceStubs(WorkflowServiceStubsOptions.newBuilder().setTarget(args[0]).build());
    WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(service));
    Worker worker = factory.newWorker(args[1]);
    if (args[2].equals("patched")) {
      test.orders.patched.Workers.register(worker);
    } else {
      test.orders.base.Workers.register(worker);
    }
    worker.registerActivitiesImplementations(new Activities.Simple());
    factory.start();
    System.out.println("ready");
    while (System.in.read() >= 0) {}
    factory.shutdownNow();
    System.exit(0);
  }
}
