// What is asked for second.
import { useEffect, useState } from "../../vendor/preact.js";

/**
 * The question that the answer data belongs to, or null before the first one. A block that asks with
 * it waits until the block before has its answer, so that what people look at first comes first.
 */
export function useSettled(data, question) {
  const [settled, set] = useState(null);
  const text = String(question);
  useEffect(() => void (data !== null && set(text)), [data]);
  return settled === null ? null : new URLSearchParams(settled);
}
