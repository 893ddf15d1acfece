-- AlterTable
ALTER TABLE "webhook" ADD COLUMN "database_id" TEXT;
ALTER TABLE "webhook" ADD COLUMN "updated_at" DATETIME;

-- CreateIndex
CREATE INDEX "webhook_database_id_idx" ON "webhook"("database_id");
