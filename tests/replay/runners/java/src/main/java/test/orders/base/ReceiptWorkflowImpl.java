package test.orders.base;

import test.orders.ReceiptWorkflow;

public class ReceiptWorkflowImpl implements ReceiptWorkflow {
  @Override
  public String receipt(String id) {
    return "receipt of " + id;
  }
}
