-- CreateTable
CREATE TABLE "database_record" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "default_branch" TEXT NOT NULL,
    "settings" TEXT NOT NULL,
    "notes" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "schema_changed_at" TIMESTAMP(3),
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "database_record_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "branch_record" (
    "id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "live_name" TEXT,
    "parent" TEXT,
    "schema" TEXT NOT NULL,
    "adopted" BOOLEAN NOT NULL,
    "production" BOOLEAN NOT NULL,
    "safe_migrations" BOOLEAN NOT NULL,
    "state" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "deleted_at" TIMESTAMP(3),
    "deleted_by" TEXT,
    "schema_changed_at" TIMESTAMP(3),
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "branch_record_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "branch_base" (
    "branch_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "model" TEXT NOT NULL,

    CONSTRAINT "branch_base_pkey" PRIMARY KEY ("branch_id")
);

-- CreateTable
CREATE TABLE "branch_password" (
    "id" TEXT NOT NULL,
    "branch_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3),
    "deleted_at" TIMESTAMP(3),

    CONSTRAINT "branch_password_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deploy_request" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "branch_id" TEXT NOT NULL,
    "branch" TEXT NOT NULL,
    "into_branch_id" TEXT NOT NULL,
    "into_branch" TEXT NOT NULL,
    "notes" TEXT NOT NULL,
    "renames" TEXT NOT NULL DEFAULT '[]',
    "actor" TEXT NOT NULL,
    "closed_by" TEXT,
    "closed_at" TIMESTAMP(3),
    "deployed_at" TIMESTAMP(3),
    "state" TEXT NOT NULL,
    "auto_cutover" BOOLEAN NOT NULL,
    "auto_delete_branch" BOOLEAN NOT NULL,
    "instant" BOOLEAN NOT NULL DEFAULT false,
    "instant_eligible" BOOLEAN NOT NULL DEFAULT false,
    "throttle" DOUBLE PRECISION NOT NULL,
    "lint" TEXT NOT NULL DEFAULT '[]',
    "error" TEXT,
    "storage" TEXT,
    "cutover_actor" TEXT,
    "cancel_actor" TEXT,
    "revert_actor" TEXT,
    "queued_at" TIMESTAMP(3),
    "submitted_at" TIMESTAMP(3),
    "started_at" TIMESTAMP(3),
    "ready_to_cutover_at" TIMESTAMP(3),
    "cutover_at" TIMESTAMP(3),
    "force_cutover_requested_at" TIMESTAMP(3),
    "revert_window_ends_at" TIMESTAMP(3),
    "finished_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,
    "resource_version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "deploy_request_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deploy_plan" (
    "request_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "plan" TEXT NOT NULL,

    CONSTRAINT "deploy_plan_pkey" PRIMARY KEY ("request_id")
);

-- CreateTable
CREATE TABLE "deploy_operation" (
    "id" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "table_name" TEXT NOT NULL,
    "ddl" TEXT NOT NULL,
    "way" TEXT NOT NULL,
    "because" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "can_drop_data" BOOLEAN NOT NULL,
    "percent" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "rows_copied" BIGINT NOT NULL DEFAULT 0,
    "rows_per_second" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "eta_seconds" DOUBLE PRECISION,
    "throttled_by" TEXT,
    "throttled_at" TIMESTAMP(3),
    "recently_used_at" TIMESTAMP(3),
    "error" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "deploy_operation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deploy_review" (
    "id" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "database_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "deploy_review_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "database_record_organization_id_name_key" ON "database_record"("organization_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "branch_record_database_id_live_name_key" ON "branch_record"("database_id", "live_name");

-- CreateIndex
CREATE INDEX "branch_base_database_id_idx" ON "branch_base"("database_id");

-- CreateIndex
CREATE INDEX "branch_password_branch_id_idx" ON "branch_password"("branch_id");

-- CreateIndex
CREATE INDEX "branch_password_database_id_idx" ON "branch_password"("database_id");

-- CreateIndex
CREATE INDEX "branch_password_expires_at_idx" ON "branch_password"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "deploy_request_database_id_number_key" ON "deploy_request"("database_id", "number");

-- CreateIndex
CREATE INDEX "deploy_request_state_idx" ON "deploy_request"("state");

-- CreateIndex
CREATE INDEX "deploy_plan_database_id_idx" ON "deploy_plan"("database_id");

-- CreateIndex
CREATE UNIQUE INDEX "deploy_operation_request_id_position_key" ON "deploy_operation"("request_id", "position");

-- CreateIndex
CREATE INDEX "deploy_operation_database_id_idx" ON "deploy_operation"("database_id");

-- CreateIndex
CREATE INDEX "deploy_review_request_id_idx" ON "deploy_review"("request_id");

-- CreateIndex
CREATE INDEX "deploy_review_database_id_idx" ON "deploy_review"("database_id");
