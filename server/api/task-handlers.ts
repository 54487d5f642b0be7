import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '../db/database.ts'
import type { Task, TextLimits } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { readJson } from './json-body.ts'
import { sendJson } from './json-reply.ts'
import { ownerJson, readChange, readNewTask, taskId } from './task-fields.ts'

/** What a contract's tasks look like. */
export interface Wire {
  readonly limits: TextLimits
  /** What the contract calls `isCompleted`. */
  readonly completed: string
  /** A task as JSON; `owner` is its owner as JSON. */
  taskJson(task: Task, owner: string): string
}

/** The calls that contracts have in common; each contract binds to its paths those that it has, and writes its own beside them. */
export function taskHandlers(db: Database, { limits, completed, taskJson }: Wire) {
  const send = (request: FastifyRequest, reply: FastifyReply, task: Task) =>
    sendJson(reply, taskJson(task, ownerJson(request.userId)))

  return {
    send,

    async create(request: FastifyRequest, reply: FastifyReply) {
      const task = readNewTask(readJson(request), request.userId, limits)
      return send(request, reply.code(201), await tasksOf(db, request.userId).create(task))
    },

    async get(request: FastifyRequest, reply: FastifyReply) {
      return send(request, reply, await tasksOf(db, request.userId).get(taskId(request)))
    },

    /** Only the fields sent. */
    async change(request: FastifyRequest, reply: FastifyReply) {
      const id = taskId(request)
      const change = readChange(readJson(request), request.userId, limits, completed)
      return send(request, reply, await tasksOf(db, request.userId).update(id, change))
    },

    /** Flips, whatever the body is. */
    async toggle(request: FastifyRequest, reply: FastifyReply) {
      return send(request, reply, await tasksOf(db, request.userId).toggle(taskId(request)))
    },

    /** 204, without a body. */
    async remove(request: FastifyRequest, reply: FastifyReply) {
      await tasksOf(db, request.userId).remove(taskId(request))
      return reply.code(204).send()
    },
  }
}
