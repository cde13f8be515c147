package test.orders.reordered;

import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import test.orders.Activities;
import test.orders.Order;
import test.orders.OrderWorkflow;
import test.orders.ReceiptWorkflow;

public class OrderWorkflowImpl implements OrderWorkflow {
  private final Activities activities = Workflow.newActivityStub(Activities.class, Activities.OPTIONS);
  private boolean approved;

  @Override
  public String order(Order order) {
    approved = approved || order.amount <= 100;
    try {
      activities.charge(order.item, order.amount);
    } catch (ActivityFailure failure) {
      activities.release(order.item);
      throw failure;
    }
    activities.reserve(order.item);
    Workflow.sleep(50);
    if (!approved && !Workflow.await(Duration.ofHours(1), () -> approved)) {
      throw ApplicationFailure.newNonRetryableFailure("not approved", "NotApproved");
    }
    ChildWorkflowOptions options = ChildWorkflowOptions.newBuilder().setWorkflowId(order.id + "-receipt").build();
    return Workflow.newChildWorkflowStub(ReceiptWorkflow.class, options).receipt(order.id);
  }

  @Override
  public void approve() {
    approved = true;
  }
}
