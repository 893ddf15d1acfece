-- CreateTable
CREATE TABLE "replica" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" TEXT NOT NULL,
    "address" TEXT,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "ready" BOOLEAN NOT NULL DEFAULT false,
    "quarantined_at" TIMESTAMP(3),
    "quarantine_reason" TEXT,
    "quarantined_by" TEXT,
    "allocation_id" TEXT,
    "idle_since" TIMESTAMP(3) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "replica_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "allocation" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "open_organization_id" TEXT,
    "replica_id" TEXT,
    "open_replica_id" TEXT,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "hostname" TEXT NOT NULL DEFAULT '',
    "address" TEXT NOT NULL DEFAULT '',
    "state" TEXT NOT NULL,
    "run_id" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "released_at" TIMESTAMP(3),
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "allocation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "route" (
    "allocation_id" TEXT NOT NULL,
    "hostname" TEXT NOT NULL,
    "live_hostname" TEXT,
    "address" TEXT NOT NULL,
    "removed" BOOLEAN NOT NULL DEFAULT false,
    "revision" BIGINT NOT NULL,
    "changed_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "route_pkey" PRIMARY KEY ("allocation_id")
);

-- CreateTable
CREATE TABLE "edge" (
    "name" TEXT NOT NULL,
    "claimed_generation" INTEGER NOT NULL DEFAULT 0,
    "claimed_by" TEXT NOT NULL DEFAULT '',
    "live_generation" INTEGER NOT NULL DEFAULT 0,
    "live_revision" BIGINT NOT NULL DEFAULT 0,
    "reloads" INTEGER NOT NULL DEFAULT 0,
    "routes_published" INTEGER NOT NULL DEFAULT 0,
    "behind_since" TIMESTAMP(3),
    "behind_reason" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "edge_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "lease" (
    "name" TEXT NOT NULL,
    "holder" TEXT NOT NULL,
    "acquired_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "lease_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "counter" (
    "name" TEXT NOT NULL,
    "value" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "counter_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "run" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "started_at" TIMESTAMP(3) NOT NULL,
    "ended_at" TIMESTAMP(3),
    "attention_since" TIMESTAMP(3),
    "severity" TEXT,
    "error" TEXT,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "journal_entry" (
    "seq" BIGSERIAL NOT NULL,
    "run_id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "attempt_key" TEXT,
    "worker" TEXT,
    "entry" TEXT NOT NULL,
    "stored_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "journal_entry_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "token" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "organization_id" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3),
    "revoked_at" TIMESTAMP(3),
    "last_used_at" TIMESTAMP(3),
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_record" (
    "scope" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "status" INTEGER,
    "headers" TEXT,
    "body" TEXT,
    "locked_until" TIMESTAMP(3),
    "expires_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "idempotency_record_pkey" PRIMARY KEY ("scope", "key")
);

-- CreateTable
CREATE TABLE "webhook" (
    "id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "events" TEXT NOT NULL,
    "organization_id" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "disabled_at" TIMESTAMP(3),
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "id" TEXT NOT NULL,
    "webhook_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "event" TEXT NOT NULL,
    "run_id" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMP(3),
    "last_status" INTEGER,
    "last_error" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "replica_allocation_id_key" ON "replica"("allocation_id");

-- CreateIndex
CREATE INDEX "replica_idle_since_idx" ON "replica"("idle_since");

-- CreateIndex
CREATE UNIQUE INDEX "allocation_open_organization_id_key" ON "allocation"("open_organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "allocation_open_replica_id_key" ON "allocation"("open_replica_id");

-- CreateIndex
CREATE INDEX "allocation_organization_id_created_at_idx" ON "allocation"("organization_id", "created_at");

-- CreateIndex
CREATE INDEX "allocation_created_at_idx" ON "allocation"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "route_live_hostname_key" ON "route"("live_hostname");

-- CreateIndex
CREATE UNIQUE INDEX "route_revision_key" ON "route"("revision");

-- CreateIndex
CREATE INDEX "run_started_at_id_idx" ON "run"("started_at", "id");

-- CreateIndex
CREATE INDEX "run_organization_id_started_at_idx" ON "run"("organization_id", "started_at");

-- CreateIndex
CREATE INDEX "run_kind_state_idx" ON "run"("kind", "state");

-- CreateIndex
CREATE INDEX "run_state_attention_since_idx" ON "run"("state", "attention_since");

-- CreateIndex
CREATE INDEX "journal_entry_run_id_seq_idx" ON "journal_entry"("run_id", "seq");

-- CreateIndex
CREATE INDEX "journal_entry_organization_id_seq_idx" ON "journal_entry"("organization_id", "seq");

-- CreateIndex
CREATE INDEX "journal_entry_stored_at_idx" ON "journal_entry"("stored_at");

-- CreateIndex
CREATE INDEX "idempotency_record_expires_at_idx" ON "idempotency_record"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_delivery_webhook_id_seq_key" ON "webhook_delivery"("webhook_id", "seq");

-- CreateIndex
CREATE INDEX "webhook_delivery_state_next_attempt_at_idx" ON "webhook_delivery"("state", "next_attempt_at");
