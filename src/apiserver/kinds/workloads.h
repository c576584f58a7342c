// Kinds that make pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultPodTemplate(json::Object& object);
void ValidatePodTemplate(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors);
void DefaultDeployment(json::Object& object);
void DefaultReplicaSet(json::Object& object);
void PrepareReplicaSet(const WriteContext& context, json::Object& object);
void DefaultStatefulSet(json::Object& object);
void PrepareStatefulSet(const WriteContext& context, json::Object& object);
void DefaultDaemonSet(json::Object& object);
void PrepareDaemonSet(const WriteContext& context, json::Object& object);
void DefaultJob(json::Object& object);
void PrepareJob(const WriteContext& context, json::Object& object);
void ValidateJob(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultCronJob(json::Object& object);
void ValidateCronJob(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void PrepareStatusObject(const WriteContext& context, json::Object& object);
void ValidateWorkload(const WriteContext& context, const json::Value& object, FieldErrors& errors);

}  // namespace kro::apiserver
