using LoraAspire.DataBuild;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

return await StageService.RunAsync<DataBuildParams, DataBuildStage>(
    args, StageKinds.DataBuild, add: services => services.AddSingleton<ChatModels>());
