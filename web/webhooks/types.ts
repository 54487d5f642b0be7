import type { components } from '../../client/schema.ts'

type Schemas = components['schemas']

export type Webhook = Schemas['Webhook']
export type WebhookPage = Schemas['WebhookList']
export type Delivery = Schemas['Delivery']
export type DeliveryPage = Schemas['DeliveryList']
