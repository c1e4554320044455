"""RabbitMQ behind the broker port: for a system of many processes.

Works on RabbitMQ 3.10 and 4.x with one topology: durable quorum queues, one per
consuming service, with a delivery limit, a dead-letter exchange and, for what no queue is
bound to, an alternate exchange whose queue is an alarm.
"""

from chassis.rabbitmq.broker import RabbitMqBroker

__all__ = ["RabbitMqBroker"]
