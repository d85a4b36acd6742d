using LoraAspire.ChatClients;
using LoraAspire.DataBuild;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

return await StageService.RunAsync<DataBuildParams, DataBuildStage>(
    args, StageKinds.DataBuild, add: ChatModels.AddTo);
