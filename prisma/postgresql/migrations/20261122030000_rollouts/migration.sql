-- CreateTable
CREATE TABLE "deployment" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "environment" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "deployment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "apply" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "expected" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "determined" BOOLEAN NOT NULL DEFAULT true,
    "blamed" TEXT NOT NULL DEFAULT '[]',
    "settings" TEXT NOT NULL,
    "asked" TEXT NOT NULL DEFAULT '{}',
    "error" TEXT,
    "started_at" TIMESTAMP(3),
    "completed_at" TIMESTAMP(3),
    "revert_window_ends_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "apply_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "apply_operation" (
    "id" TEXT NOT NULL,
    "apply_id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "deployment_id" TEXT NOT NULL,
    "deployment" TEXT NOT NULL,
    "environment" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    "position" INTEGER,
    "state" TEXT NOT NULL,
    "on_failure" TEXT NOT NULL,
    "released" BOOLEAN NOT NULL DEFAULT false,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "worker" TEXT NOT NULL DEFAULT 'none',
    "wanted" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "first_failed_at" TIMESTAMP(3),
    "error" TEXT,
    "error_code" TEXT,
    "waits" TEXT,
    "started_at" TIMESTAMP(3),
    "cut_over_at" TIMESTAMP(3),
    "completed_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "apply_operation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "apply_event" (
    "seq" BIGINT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "apply_id" TEXT NOT NULL,
    "operation_id" TEXT,
    "version" INTEGER NOT NULL,
    "from_state" TEXT NOT NULL,
    "to_state" TEXT NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "text" TEXT NOT NULL,

    CONSTRAINT "apply_event_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "schema_lock" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "deployments" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "acquired_at" TIMESTAMP(3) NOT NULL,
    "forced" TEXT,

    CONSTRAINT "schema_lock_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "gate_override" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "apply_id" TEXT NOT NULL,
    "environment" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "gate_override_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "deployment_database_id_name_key" ON "deployment"("database_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "deployment_organization_id_server_schema_key" ON "deployment"("organization_id", "server", "schema");

-- CreateIndex
CREATE UNIQUE INDEX "apply_database_id_number_key" ON "apply"("database_id", "number");

-- CreateIndex
CREATE INDEX "apply_state_idx" ON "apply"("state");

-- CreateIndex
CREATE UNIQUE INDEX "apply_operation_apply_id_deployment_id_key" ON "apply_operation"("apply_id", "deployment_id");

-- CreateIndex
CREATE UNIQUE INDEX "apply_operation_apply_id_position_key" ON "apply_operation"("apply_id", "position");

-- CreateIndex
CREATE INDEX "apply_operation_database_id_idx" ON "apply_operation"("database_id");

-- CreateIndex
CREATE INDEX "apply_event_apply_id_seq_idx" ON "apply_event"("apply_id", "seq");

-- CreateIndex
CREATE INDEX "apply_event_organization_id_seq_idx" ON "apply_event"("organization_id", "seq");

-- CreateIndex
CREATE INDEX "apply_event_database_id_idx" ON "apply_event"("database_id");

-- CreateIndex
CREATE INDEX "schema_lock_database_id_idx" ON "schema_lock"("database_id");

-- CreateIndex
CREATE UNIQUE INDEX "gate_override_apply_id_environment_actor_at_key" ON "gate_override"("apply_id", "environment", "actor", "at");

-- CreateIndex
CREATE INDEX "gate_override_database_id_idx" ON "gate_override"("database_id");
