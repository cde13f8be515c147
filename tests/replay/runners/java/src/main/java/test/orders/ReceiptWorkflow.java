package test.orders;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

@WorkflowInterface
public interface ReceiptWorkflow {
  @WorkflowMethod(name = "Receipt")
  String receipt(String id);
}
