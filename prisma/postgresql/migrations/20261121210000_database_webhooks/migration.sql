-- AlterTable
ALTER TABLE "webhook" ADD COLUMN "database_id" TEXT;
ALTER TABLE "webhook" ADD COLUMN "updated_at" TIMESTAMP(3);

-- CreateIndex
CREATE INDEX "webhook_database_id_idx" ON "webhook"("database_id");
