-- AlterTable
ALTER TABLE "allocation" ADD COLUMN "moves" TEXT;
ALTER TABLE "allocation" ADD COLUMN "open_moves" TEXT;

-- AlterTable
ALTER TABLE "gateway" ADD COLUMN "former_profile_name" TEXT;
ALTER TABLE "gateway" ADD COLUMN "former_profile_revision" INTEGER;
ALTER TABLE "gateway" ADD COLUMN "rollout" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "gateway" ADD COLUMN "rollout_settled" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "gateway_replica" ADD COLUMN "rollout" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "allocation_open_moves_key" ON "allocation"("open_moves");
