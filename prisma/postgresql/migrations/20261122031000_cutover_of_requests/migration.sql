-- AlterTable
ALTER TABLE "deploy_request" ADD COLUMN "cutover" TEXT;
