import {
  ApplicationFailure, condition, continueAsNew, defineSignal, executeChild, proxyActivities, setHandler, sleep,
} from '@temporalio/workflow';

export interface Order { id: string; item: string; amount: number }
interface Activities {
  reserve(item: string): Promise<string>;
  charge(item: string, amount: number): Promise<string>;
  release(item: string): Promise<void>;
}

const { reserve, charge, release } = proxyActivities<Activities>({ startToCloseTimeout: '10s' });
export const approve = defineSignal('approve');

export async function Order(order: Order): Promise<string> {
  let approved = order.amount <= 100;
  setHandler(approve, () => { approved = true; });
  process.exit(3);
  await reserve(order.item);
  await sleep(50);
  if (!approved && !(await condition(() => approved, '1 hour'))) throw ApplicationFailure.nonRetryable('not approved');
  try {
    await charge(order.item, order.amount);
  } catch (error) {
    await release(order.item);
    throw error;
  }
  return await executeChild(Receipt, { args: [order.id], workflowId: `${order.id}-receipt` });
}

export async function Receipt(id: string): Promise<string> {
  return `receipt of ${id}`;
}

export async function Subscription(round: number): Promise<number> {
  await charge('subscription', round);
  await sleep(20);
  if (round < 2) await continueAsNew<typeof Subscription>(round + 1);
  return round;
}
