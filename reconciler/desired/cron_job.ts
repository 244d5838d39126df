/**
 * CronJob: suspended in a standby.
 *
 * @module
 */

import type { KindRule } from "./context.ts";
import { suspend } from "./suspend.ts";

/** Rule of batch/CronJob. */
export const cronJobRule: KindRule = { quiesce: suspend };
