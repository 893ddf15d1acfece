-- AlterTable
ALTER TABLE "replica" ADD COLUMN "withdrawn_at" DATETIME;

-- CreateTable
CREATE TABLE "gateway" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "default_organization_id" TEXT,
    "configuration" TEXT NOT NULL,
    "profile_name" TEXT NOT NULL,
    "profile_revision" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "status_message" TEXT,
    "deletion_marked_at" DATETIME,
    "desired_replicas" INTEGER NOT NULL,
    "scale_in_forced" BOOLEAN NOT NULL DEFAULT false,
    "scale_attempt" INTEGER NOT NULL DEFAULT 0,
    "last_scale_attempt_at" DATETIME,
    "last_update_at" DATETIME,
    "created_at" DATETIME NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1
);

-- CreateTable
CREATE TABLE "gateway_replica" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "gateway_id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "num" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "status_message" TEXT,
    "backend" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "create_pending_at" DATETIME,
    "instance_id" TEXT,
    "ssh_host" TEXT,
    "ssh_port" INTEGER,
    "ssh_user" TEXT,
    "serves" TEXT,
    "host_public_key" TEXT,
    "scale_in" BOOLEAN NOT NULL DEFAULT false,
    "connect_attempts" INTEGER NOT NULL DEFAULT 0,
    "health_failures" INTEGER NOT NULL DEFAULT 0,
    "applied_profile_name" TEXT,
    "applied_profile_revision" INTEGER,
    "created_at" DATETIME NOT NULL,
    "running_at" DATETIME,
    "terminated_at" DATETIME,
    "resource_version" INTEGER NOT NULL DEFAULT 1
);

-- CreateTable
CREATE TABLE "fleet_event" (
    "seq" BIGINT NOT NULL PRIMARY KEY,
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "gateway_id" TEXT NOT NULL,
    "replica_id" TEXT,
    "message" TEXT NOT NULL,
    "recorded_at" DATETIME NOT NULL,
    "targets" TEXT NOT NULL,
    "actor" TEXT
);

-- CreateTable
CREATE TABLE "profile" (
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "document" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,

    PRIMARY KEY ("organization_id", "name", "revision")
);

-- CreateTable
CREATE TABLE "host_lease" (
    "inventory" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "tags" TEXT NOT NULL,
    "leased_at" DATETIME NOT NULL,

    PRIMARY KEY ("inventory", "host")
);

-- CreateTable
CREATE TABLE "installation" (
    "single" INTEGER NOT NULL PRIMARY KEY,
    "id" TEXT NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "gateway_default_organization_id_key" ON "gateway"("default_organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_organization_id_name_key" ON "gateway"("organization_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_replica_token_key" ON "gateway_replica"("token");

-- CreateIndex
CREATE INDEX "gateway_replica_organization_id_idx" ON "gateway_replica"("organization_id");

-- CreateIndex
CREATE INDEX "gateway_replica_state_idx" ON "gateway_replica"("state");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_replica_gateway_id_num_generation_key" ON "gateway_replica"("gateway_id", "num", "generation");

-- CreateIndex
CREATE UNIQUE INDEX "fleet_event_id_key" ON "fleet_event"("id");

-- CreateIndex
CREATE INDEX "fleet_event_organization_id_seq_idx" ON "fleet_event"("organization_id", "seq");

-- CreateIndex
CREATE INDEX "fleet_event_gateway_id_seq_idx" ON "fleet_event"("gateway_id", "seq");

-- CreateIndex
CREATE INDEX "fleet_event_replica_id_seq_idx" ON "fleet_event"("replica_id", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "host_lease_token_key" ON "host_lease"("token");
