import type { RolloutSettings } from '../../domain/rollout/apply';
import type { RolloutSettingsBody } from './bodies';

/** What somebody sets of rollouts; what is left out stays as it is. */
export function changedSettings(present: RolloutSettings, body: RolloutSettingsBody): RolloutSettings {
  return {
    environments: body.environments ?? present.environments,
    onFailure: body.on_failure ?? present.onFailure,
    cutover: body.cutover ?? present.cutover,
    copies: body.copies ?? present.copies,
    revertTogether: body.revert_together ?? present.revertTogether,
  };
}
