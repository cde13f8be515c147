import { nothing } from './does-not-exist';

export async function Order(): Promise<void> {
  nothing();
}
