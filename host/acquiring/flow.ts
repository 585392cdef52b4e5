/** What a message flow is: one file in `flows/` for each, one row in `dispatch.ts`. */
import type { HostDeps } from '../deps.ts';
import type { Wants } from '../store/port.ts';
import type { Answer } from './answer.ts';
import type { Judgement } from './judgement.ts';
import type { Request } from './request.ts';
import type { View } from './view.ts';

export interface Flow {
  /** Throws PosError when a field has a layout that this flow cannot read: 30. */
  readonly readable?: (request: Request) => void;
  /** What must be read beside terminal, open batch, identity and card. */
  readonly wants?: (request: Request) => Wants;
  /** What else must be read, once that is known; null when nothing is. The judgement is made when it is asked for. */
  readonly more?: (judgement: () => Judgement, deps: HostDeps, view: View) => Wants | null;
  /** Acts on a request for which every check holds: writes into `j.writes`, gives the answer. */
  readonly act: (j: Judgement) => Answer;
}
