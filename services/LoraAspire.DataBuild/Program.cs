using LoraAspire.DataBuild;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddSingleton<ChatModels>();
builder.AddStage<DataBuildParams, DataBuildStage>(StageKinds.DataBuild);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
