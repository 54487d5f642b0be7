import type { ContractOption } from '../config/contract.ts'
import { type Contract, ownerCollections } from '../http/register.ts'
import { ref } from '../openapi/operation.ts'
import { sent } from '../openapi/schemas.ts'
import type { Legacy } from './declaration.ts'
import { legacyErrors } from './legacy-errors.ts'
import { legacyList } from './legacy-list.ts'
import { flagRoutes, itemRoutes, listRoute } from './legacy-routes.ts'
import { legacyTask } from './legacy-task.ts'
import { taskPathParameters } from './task-schemas.ts'

/**
 * Makes a contract of its declaration.
 * @param options those that the server's settings switch on
 */
export function legacyContract(declared: Legacy, options: readonly ContractOption[] = []): Contract {
  const { name, about, prefix, completed, statuses = {}, replaces = false, toggles } = declared
  const tasks = legacyTask(declared, options)
  const list = legacyList(declared.list, tasks, options)
  const { schema, body } = legacyErrors(declared.errors, options)
  const isConfirmed = declared.confirmsDeletion ?? false
  const deletion = options.includes('delete-body') ? 'described' : isConfirmed ? 'confirmed' : 'empty'
  return {
    name,
    about,
    statuses,
    errorSchema: ref(`${prefix}Error`),
    errorBody: body,
    pathParameters: taskPathParameters,
    schemas: {
      ...tasks.schemas,
      ...(replaces ? { [`${prefix}WholeTask`]: sent(tasks.accepted, ['title', completed]) } : {}),
      [`${prefix}List`]: list.schema,
      [`${prefix}Error`]: schema,
    },
    routes: (declared.collections ?? ownerCollections).flatMap(at => [
      listRoute(at, prefix, list),
      ...itemRoutes(at, tasks, { replaces, deletion }),
      ...(toggles ? flagRoutes(at, tasks) : []),
    ]),
  }
}
